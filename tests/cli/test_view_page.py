"""The page of ``genai-otel view --html`` as a file: what is in it, and that nothing in it can act."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_otel.cli import main
from genai_otel.cli.page.rows import value_rows
from genai_otel.cli.page.sections import sections_of
from genai_otel.conventions import attributes as attr
from tests.cli.view_files import document, otlp, span, write
from tests.exporters.scripted import Script, support_agent

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<!-- <script>",
    "\"'`&lt;&#60;{{data}}${window.hacked = 1}",
    "javascript:window.hacked=1",
    "\u2028\u2029\u202e\ud800 \x00\x1b[31m",
]


class Elements(html.parser.HTMLParser):
    """Collects the elements of a page, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._inside = ""
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.texts.append(data)


def page(file: str, *arguments: str) -> str:
    out = Path(file).with_suffix(".html")
    assert main(["view", file, "--html", str(out), *arguments]) == 0
    return out.read_text(encoding="utf-8")


def data(text: str) -> Any:
    [embedded] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(embedded)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(
        write(tmp_path_factory.mktemp("agent") / "traces.json", otlp(support_agent(Script()).spans()))
    )


# --- safety ---------------------------------------------------------------------------------------------------
def hostile(folder: Path) -> str:
    text = "".join(HOSTILE)
    messages = [{"role": text, "parts": [{"type": "text", "content": text}, {"type": text, "content": text}]}]
    attributes = {
        text: text,
        attr.INPUT_MESSAGES: json.dumps(messages),
        "list": {"arrayValue": {"values": [{"stringValue": text}]}},
    }
    event = {
        "name": text,
        "timeUnixNano": "1",
        "attributes": [{"key": "exception.stacktrace", "value": {"stringValue": text}}],
    }
    status = {"code": 2, "message": text}
    one = span(name=text, attributes=attributes, events=[event], status=status)
    return write(folder / f"{'<b onclick=x>'}.json", document(one, service=text))


def test_no_value_adds_an_element_or_closes_the_one_that_holds_it(tmp_path: Path, agent: str) -> None:
    attacked = page(hostile(tmp_path))
    assert Elements(attacked).found == Elements(agent).found
    [raw] = re.findall(r'id="data">(.*?)</script>', attacked, re.DOTALL)
    assert not set("<>&\u2028\u2029") & set(raw)


def test_hostile_values_arrive_as_they_are(tmp_path: Path) -> None:
    trace = data(page(hostile(tmp_path)))["traces"][0]
    assert trace["name"] == "".join(HOSTILE).replace("\ud800", "\N{REPLACEMENT CHARACTER}")


def test_only_this_script_and_this_style_may_run_and_nothing_may_be_loaded(agent: str) -> None:
    elements = Elements(agent)
    [policy] = [
        attrs["content"]
        for _, attrs in elements.found
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    style, _, script = elements.texts
    for text in (style, script):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


def test_the_page_names_no_other_place(agent: str) -> None:
    places = [
        value
        for _, attrs in Elements(agent).found
        for key, value in attrs.items()
        if key in ("src", "href", "action")
    ]
    assert places == ["data:,"]
    assert not re.search(r"https?://|//[a-z]+\.|url\(|@import|fetch\(|innerHTML|eval\(", agent)


def test_no_value_is_taken_for_a_place_of_the_template(tmp_path: Path) -> None:
    text = page(write(tmp_path / "traces.json", document(span(name="{{script}}{{data}}"))))
    assert text.count('"use strict"') == 1


# --- content --------------------------------------------------------------------------------------------------
def test_the_table_has_time_name_status_duration_tokens_request_and_response(agent: str) -> None:
    [trace] = data(agent)["traces"]
    assert {
        key: trace[key] for key in ("name", "failed", "errors", "took", "tokens", "request", "response")
    } == {
        "name": "POST /ask",
        "failed": False,
        "errors": 1,
        "took": "3.41s",
        "tokens": [2492, 291],
        "request": "Can I still return order 1234?\nIt arrived on Monday.",
        "response": "Yes: within 30 days of delivery.",
    }
    assert trace["start"] == 1_700_000_000_000


def test_spans_are_in_reading_order_with_their_depth(agent: str) -> None:
    [trace] = data(agent)["traces"]
    assert [(one["depth"], one["name"]) for one in trace["spans"]][:5] == [
        (0, "POST /ask"),
        (1, "invoke_agent support"),
        (2, "retrieval policies"),
        (3, "embeddings text-embedding-3-small"),
        (3, "rerank"),
    ]


def test_the_same_file_makes_the_same_bytes(tmp_path: Path) -> None:
    file = write(tmp_path / "traces.json", otlp(support_agent(Script()).spans()), document(span()))
    assert page(file) == page(file)


def test_resources_are_in_the_page_once(tmp_path: Path) -> None:
    found = data(
        page(
            write(
                tmp_path / "traces.json",
                document(span(1)),
                document(span(2)),
                document(span(3), service="other"),
            )
        )
    )
    assert [rows[0]["text"] for rows in found["resources"]] == ["shop", "other"]
    assert [trace["service"] for trace in found["traces"]] == ["shop", "shop", "other"]


def test_what_was_skipped_and_left_out_is_on_the_page(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    write(file, document(span(1)), document(span(2)))
    file.write_text(file.read_text() + "log line\n")
    found = data(page(str(file), "--limit", "1"))
    assert found["notes"] == [f"{file}: 1 line skipped, no JSON"]
    assert (len(found["traces"]), found["known"]) == (1, 2)


def test_the_page_goes_to_standard_output_for_a_dash(tmp_path: Path, capfdbinary: Any) -> None:
    file = write(tmp_path / "traces.json", document(span()))
    assert main(["view", file, "--html", "-"]) == 0
    assert capfdbinary.readouterr().out.decode() == page(file)


# --- content of spans -----------------------------------------------------------------------------------------
def test_messages_are_a_conversation_with_calls_results_and_reasoning() -> None:
    given_ = [
        {"role": "user", "parts": [{"type": "text", "content": "stock?"}, {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "stock", "arguments": {"item": "lock"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": '{"pieces": 7}'}]},
    ]  # fmt: skip
    answered = [
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "easy"}, {"type": "text", "content": "7"}],
            "finish_reason": "stop",
        }
    ]
    [section] = sections_of({
        attr.SYSTEM_INSTRUCTIONS: json.dumps([{"type": "text", "content": "be brief"}]),
        attr.INPUT_MESSAGES: json.dumps(given_), attr.OUTPUT_MESSAGES: json.dumps(answered),
    })  # fmt: skip
    assert section["title"] == "Conversation"
    shown = [
        (one["role"], [(part.get("label"), part["text"]) for part in one["blocks"]])
        for one in section["messages"]
    ]
    assert shown[0] == ("system", [(None, "be brief")])
    assert shown[1][1][0] == (None, "stock?")
    assert shown[1][1][1][0] == "image"
    assert "iVBOR" not in shown[1][1][1][1]
    assert shown[2:] == [
        ("assistant", [("call stock c1", '{"item": "lock"}')]),
        ("tool", [("result c1", '{"pieces": 7}')]),
        ("assistant", [("reasoning", "easy"), (None, "7")]),
    ]
    assert section["messages"][-1]["finish"] == "stop"
    assert section["messages"][-1]["answer"] is True
    assert section["messages"][-1]["blocks"][0]["closed"] is True


def test_messages_that_were_cut_off_are_shown_as_text() -> None:
    [section] = sections_of({attr.INPUT_MESSAGES: '[{"role": "user", "par'})
    assert section["messages"] == [{"role": "user", "blocks": [{"text": '[{"role": "user", "par'}]}]


def test_documents_have_their_id_and_score() -> None:
    found = [
        {"id": "locks", "score": 0.5, "content": "steel"},
        {"id": "x", "content": "y", "metadata": {"page": 1}},
        "odd",
    ]
    query, listed = sections_of({attr.RETRIEVAL_QUERY: "which?", attr.RETRIEVAL_DOCUMENTS: json.dumps(found)})
    assert query == {"title": "Query", "blocks": [{"text": "which?"}]}
    assert [(one.get("label"), one["text"]) for one in listed["blocks"]] == [
        ("locks · 0.5", "steel"), ("x", "y"), ("more", '{"metadata": {"page": 1}}'), (None, "odd"),
    ]  # fmt: skip


def test_values_that_are_json_are_laid_out() -> None:
    value = {"question": "a rather long one, so that it does not fit on one line", "n": 1}
    [section] = sections_of({attr.INPUT_VALUE: json.dumps(value)})
    assert section["blocks"] == [{"text": json.dumps(value, indent=2), "code": True}]


def test_attributes_are_in_order_of_their_names_and_content_is_not_repeated(tmp_path: Path) -> None:
    attributes = {"b": "2", "a": "1", attr.TOOL_CALL_ARGUMENTS: '{"x": 1}'}
    [trace] = data(page(write(tmp_path / "traces.json", document(span(attributes=attributes)))))["traces"]
    assert [row["label"] for row in trace["spans"][0]["attributes"]] == ["a", "b"]
    assert trace["spans"][0]["sections"][0]["title"] == "Arguments"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "parts", "type", "content", "id", "x"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted(attr.CONTENT)), _ANY | _ANY.map(json.dumps), max_size=5))
def test_content_of_any_shape_is_shown(attributes: dict[str, Any]) -> None:
    for section in sections_of(attributes):
        blocks = [
            *section.get("blocks", ()),
            *(block for one in section.get("messages", ()) for block in one["blocks"]),
        ]
        assert all(isinstance(block["text"], str) for block in blocks)
    assert len(value_rows(attributes)) == len(attributes)
