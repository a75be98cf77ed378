"""What a trace looks like, at any width and whatever is in it."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan

from genai_otel.exporters.cells import width as cells_of
from genai_otel.exporters.console import draw, render
from genai_otel.exporters.layout import layout
from genai_otel.exporters.paint import ASCII, plain
from genai_otel.exporters.tree import build_traces, from_readable, span_node

from .scripted import Script, support_agent

GOLDEN = {
    60: """
        ● POST /ask
          3.41s · 8 spans · 2,492→291 tokens · 1 error
          trace 4bf92f35
          ▸ Can I still return order 1234? It arrived on Monday.
          ◂ Yes: within 30 days of delivery.
          POST /ask                      SERVER     3.41s
          └─ invoke_agent support        AGENT      3.40s  2,480→291
             ├─ retrieval policies       RETRIEVER  216ms
             │  ├─ embeddings text-emb…  EMBEDDING  117ms     12→
             │  └─ rerank                RERANKER    93ms
             ├─ chat gpt-5-mini          LLM        1.03s  1,204→58
             ├─ ✗ execute_tool lookup_…  TOOL        41ms
             │    KeyError: 'order 1234 is not in the index'
             └─ chat gpt-5-mini          LLM        2.09s  1,276→233
    """,
    80: """
        ● POST /ask  3.41s · 8 spans · 2,492→291 tokens · 1 error · trace 4bf92f35
          ▸ Can I still return order 1234? It arrived on Monday.
          ◂ Yes: within 30 days of delivery.
          POST /ask                            SERVER     ━━━━━━━━━━━━  3.41s
          └─ invoke_agent support              AGENT      ━━━━━━━━━━━━  3.40s  2,480→291
             ├─ retrieval policies             RETRIEVER  ━             216ms
             │  ├─ embeddings text-embedding…  EMBEDDING  ╸             117ms     12→
             │  └─ rerank                      RERANKER   ╺              93ms
             ├─ chat gpt-5-mini                LLM         ━━━╸         1.03s  1,204→58
             ├─ ✗ execute_tool lookup_order    TOOL           ╺          41ms
             │    KeyError: 'order 1234 is not in the index'
             └─ chat gpt-5-mini                LLM            ╺━━━━━━━  2.09s  1,276→233
    """,
    120: """
        ● POST /ask  3.41s · 8 spans · 2,492→291 tokens · 1 error · trace 4bf92f35
          ▸ Can I still return order 1234? It arrived on Monday.
          ◂ Yes: within 30 days of delivery.
          POST /ask                                   SERVER     ━━━━━━━━━━━━━━━━━━━━  3.41s
          └─ invoke_agent support                     AGENT      ━━━━━━━━━━━━━━━━━━━━  3.40s  2,480→291
             ├─ retrieval policies                    RETRIEVER  ━╸                    216ms
             │  ├─ embeddings text-embedding-3-small  EMBEDDING  ━                     117ms     12→
             │  └─ rerank                             RERANKER    ╸                     93ms
             ├─ chat gpt-5-mini                       LLM         ╺━━━━━╸              1.03s  1,204→58
             ├─ ✗ execute_tool lookup_order           TOOL              ╺               41ms
             │    KeyError: 'order 1234 is not in the index'
             └─ chat gpt-5-mini                       LLM               ╺━━━━━━━━━━━━  2.09s  1,276→233  ttfc 412ms
    """,
}


@pytest.mark.parametrize("width", GOLDEN)
def test_the_picture(width: int) -> None:
    assert render(support_agent(Script()).spans(), width=width) == dedent(GOLDEN[width]).strip("\n ") + "\n"


def tree(spans: list[ReadableSpan] | tuple[ReadableSpan, ...], width: int = 80) -> list[str]:
    return render(spans, width=width).splitlines()


def one(script: Script) -> str:
    return "\n".join(tree(tuple(script.spans())))


def test_without_content_there_are_no_preview_lines() -> None:
    script = Script()
    script.start("chat m", gen_ai__operation__name="chat")
    header, row = tree(tuple(script.spans()))
    assert header.startswith("● chat m  1.0ms · 1 span · trace 4bf92f35")
    assert row.split() == ["chat", "m", "LLM", "1.0ms"]


def test_a_preview_is_one_line_however_long() -> None:
    script = Script()
    script.start("qa", input__value="what\nis " + "x" * 500, openinference__span__kind="CHAIN")
    assert tree(tuple(script.spans()), 60)[1] == "  ▸ what is " + "x" * 47 + "…"


def test_the_error_of_a_child_is_not_repeated_on_its_parents() -> None:
    script = Script()
    root = script.start("root", 0, 9, error=("ValueError", "no good"))
    script.start("child", 1, 8, root, error=("ValueError", "no good"))
    lines = tree(tuple(script.spans()))
    assert lines[0].startswith("✗ root")
    assert [line.split("  ")[1].strip() for line in lines[1:]] == ["✗ root", "└─ ✗ child", ""]
    assert lines[3].strip() == "ValueError: no good"


def test_an_error_line_keeps_the_guides_of_the_tree() -> None:
    script = Script()
    root = script.start("root", 0, 9)
    failed = script.start("failed", 1, 5, root, error=("E", "why"))
    script.start("inner", 2, 3, failed)
    script.start("next", 6, 8, root)
    assert [line[:12].rstrip() for line in tree(tuple(script.spans()))[2:]] == [
        "  ├─ ✗ faile",
        "  │  │ E: wh",
        "  │  └─ inne",
        "  └─ next",
    ]


def test_an_error_message_of_several_lines_is_one_line() -> None:
    script = Script()
    script.start("x", error=("E", "first\nsecond\x1b[2J"))
    assert tree(tuple(script.spans()))[-1] == "    E: first second␛[2J"


def test_an_error_type_that_the_message_starts_with_is_not_repeated() -> None:
    script = Script()
    script.start("x", error=("ValueError", "ValueError: why"))
    assert tree(tuple(script.spans()))[-1] == "    ValueError: why"


def test_names_cannot_steer_the_terminal() -> None:
    script = Script()
    script.start(
        "evil\x1b]0;title\x07\r\n\x1b[2J",
        error=("\x1b[31mE", "\x9b2J"),
        input__value="\x1b[H",
        gen_ai__request__model="\x1b[1m",
    )
    text = one(script)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "evil␛]0;title␇ ␛[2J" in text


def test_wide_characters_keep_the_columns_straight() -> None:
    script = Script()
    root = script.start("検索エージェント", 0, 100)
    script.start("🙂 smile", 0, 50, root)
    script.start("plain", 50, 100, root)
    rows = tree(tuple(script.spans()))[1:]
    assert len({cells_of(row[: row.index("SPAN")]) for row in rows}) == 1


def test_a_model_is_shown_where_the_name_does_not_say_it() -> None:
    script = Script()
    root = script.start("ask", 0, 9, gen_ai__request__model="gpt-5-mini")
    script.start("chat auto", 1, 2, root, gen_ai__request__model="auto", gen_ai__response__model="gpt-5-nano")
    script.start(
        "chat gpt-5", 3, 4, root, gen_ai__request__model="gpt-5", gen_ai__response__model="gpt-5-2025"
    )
    text = one(script)
    assert "gpt-5-mini" in text and "gpt-5-nano" in text and "gpt-5-2025" not in text


def test_two_thousand_siblings_are_folded() -> None:
    script = Script()
    root = script.start("root", 0, 5000)
    for index in range(2000):
        chat = index % 20 != 0
        error = ("E", "x") if index == 1000 else None
        script.start(
            f"span {index}",
            index,
            index + 1,
            root,
            error=error,
            gen_ai__operation__name="chat" if chat else "embeddings",
        )
    lines = tree(tuple(script.spans()))
    assert len(lines) == 1 + 1 + 50 + 1
    assert "2,001 spans · 1 error" in lines[0]
    assert lines[-1] == "  └─ … 1,950 more spans (chat ×1853, embeddings ×97) ✗ 1 failed"


def test_a_fold_counts_what_is_below_it_and_names_three_groups() -> None:
    script = Script()
    root = script.start("root", 0, 500)
    for index in range(60):
        child = script.start("step", index, index + 1, root)
        for name in ("a", "b", "c", "d")[: 4 if index == 59 else 0]:
            script.start(name, index, index, child)
    last = tree(tuple(script.spans()))[-1]
    assert last.startswith("  └─ … 14 more spans (step ×10, ")
    assert last.endswith("others ×2)")


def test_many_roots_are_folded_too() -> None:
    nodes = [
        span_node(trace_id="t", span_id=str(i), parent_id="gone", name="r", start_ns=i, end_ns=i + 1)
        for i in range(55)
    ]
    assert draw(nodes, width=80).splitlines()[-1] == "  … 5 more spans (r ×5)"


def test_a_thousand_levels_deep() -> None:
    script = Script()
    span = None
    for depth in range(1000):
        span = script.start(f"level {depth}", depth, 2000 - depth, span)
    lines = tree(tuple(script.spans()))
    assert len(lines) == 1001
    assert max(map(cells_of, lines)) <= 80
    assert re.match(r"  ⋯999 +└─ level 999 +SPAN", lines[-1])


def test_several_roots_share_one_clock() -> None:
    script = Script()
    remote = script.start("elsewhere", 0, 100)
    script.start("first", 0, 50, remote)
    script.start("second", 50, 100, remote)
    rows = tree(tuple(script.spans()[:2]))[1:]
    assert [row.split()[2] for row in rows] == ["━━━━━━━━━━", "━━━━━━━━━━"]
    assert rows[1].index("━") - rows[0].index("━") == 10


def test_an_instant_trace_has_no_bars() -> None:
    script = Script()
    root = script.start("root", 0, 0)
    script.start("child", 0, 0, root)
    assert "━" not in one(script)


def test_two_traces_are_drawn_one_after_the_other() -> None:
    script = Script()
    script.start("one", 0, 1)
    script.start("two", 2, 3)
    assert [line[:5] for line in tree(tuple(script.spans()))] == ["● one", "  one", "", "● two", "  two"]


def test_nothing_is_drawn_of_no_spans() -> None:
    assert render([]) == ""


def test_a_width_below_what_can_be_drawn_is_taken_as_the_least() -> None:
    spans = support_agent(Script()).spans()
    assert render(spans, width=1) == render(spans, width=20)


def test_ascii_has_the_same_shape() -> None:
    (trace,) = build_traces(map(from_readable, support_agent(Script()).spans()))
    text = plain(layout(trace, ASCII, 80))
    assert text.isascii()
    assert "|- x execute_tool lookup_order" in text
    assert "1,204->58" in text
    assert max(map(len, text.splitlines())) <= 80


names = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(names, st.integers(0, 12), st.booleans(), names), min_size=1, max_size=12),
    st.integers(20, 140),
)
def test_no_line_is_ever_wider_than_asked(spans: list[tuple[str, int, bool, str]], width: int) -> None:
    nodes = [
        span_node(
            trace_id="t",
            span_id=str(index),
            parent_id=str(parent),
            name=name,
            start_ns=index * 1000,
            end_ns=index * 3000 if failed else None,
            status="ERROR" if failed else "UNSET",
            status_description=text,
            attributes={
                "error.type": text,
                "gen_ai.request.model": text,
                "input.value": name,
                "gen_ai.usage.input_tokens": index,
            },
        )
        for index, (name, parent, failed, text) in enumerate(spans)
    ]
    assert max(map(cells_of, draw(nodes, width=width).splitlines())) <= width
