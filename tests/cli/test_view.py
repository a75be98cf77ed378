"""``genai-otel view`` in the terminal: the console's tree from a file, and exit codes that say what happened."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genai_otel.cli import main
from genai_otel.exporters.console import render
from tests.cli.view_files import console, document, otlp, protobuf_json, span, write
from tests.exporters.scripted import Script, support_agent


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def seen(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command; returns its exit code, and what it wrote on both streams."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["view", *arguments])
        return (code, *capsys.readouterr())

    return run


SPANS = support_agent(Script()).spans()
TREE = render(SPANS, width=100)


# --- formats --------------------------------------------------------------------------------------------------
def test_otlp_json_shows_the_tree_of_the_console(seen: Any, tmp_path: Path) -> None:
    assert seen(write(tmp_path / "traces.json", otlp(SPANS))) == (0, TREE, "")


def test_one_span_a_line_in_any_order_is_the_same_tree(seen: Any, tmp_path: Path) -> None:
    lines = [otlp([one]) for one in reversed(SPANS)]
    assert seen(write(tmp_path / "traces.json", *lines)) == (0, TREE, "")


def test_a_pretty_printed_document_is_read_whole(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    file.write_text(json.dumps(otlp(SPANS), indent=2))
    assert seen(str(file)) == (0, TREE, "")


def test_ids_in_base64_and_enumerations_by_name_are_read(seen: Any, tmp_path: Path) -> None:
    assert seen(write(tmp_path / "traces.json", protobuf_json(SPANS))) == (0, TREE, "")


def test_the_console_exporters_output_shows_the_same_tree(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    file.write_text(console(SPANS))
    assert seen(str(file)) == (0, TREE, "")


def test_the_programs_own_lines_between_the_consoles_spans_are_skipped_and_counted(
    seen: Any, tmp_path: Path
) -> None:
    file = tmp_path / "out.txt"
    file.write_text("starting {\n[INFO] ready\n" + console(SPANS) + "bye\n")
    code, out, err = seen(str(file))
    assert (code, out) == (0, TREE)
    assert err == f"genai-otel view: {file}: 3 lines skipped, no JSON\n"


def test_the_answer_of_jaegers_api_is_read(seen: Any, tmp_path: Path) -> None:
    assert seen(write(tmp_path / "traces.json", {"result": otlp(SPANS)})) == (0, TREE, "")


def test_gzip_is_unpacked(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "traces.json.gz"
    file.write_bytes(gzip.compress(json.dumps(otlp(SPANS)).encode()))
    assert seen(str(file)) == (0, TREE, "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_shells_and_editors_write_is_read(seen: Any, tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "traces.json"
    file.write_text(json.dumps(otlp(SPANS)) + "\r\n", encoding=encoding)
    assert seen(str(file)) == (0, TREE, "")


def test_a_dash_reads_standard_input(seen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BufferedReader(io.BytesIO(json.dumps(otlp(SPANS)).encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    assert seen("-") == (0, TREE, "")


def test_several_files_are_one_set_of_traces(seen: Any, tmp_path: Path) -> None:
    half = len(SPANS) // 2
    files = [write(tmp_path / f"{n}.json", otlp(part)) for n, part in enumerate((SPANS[half:], SPANS[:half]))]
    assert seen(*files) == (0, TREE, "")


# --- what files are like --------------------------------------------------------------------------------------
def test_metrics_and_logs_in_the_same_file_are_passed_over(seen: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "all.json", {"resourceMetrics": []}, otlp(SPANS), {"resourceLogs": []})
    assert seen(file) == (0, TREE, "")


def test_a_last_line_cut_short_is_left_out_and_said(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    whole = json.dumps(otlp(SPANS)) + "\n"
    file.write_text(whole + whole[: len(whole) // 2])
    code, out, err = seen(str(file))
    assert (code, out) == (0, TREE)
    assert err == f"genai-otel view: {file}: 1 line skipped, the last document is cut short\n"


def test_a_gzip_file_still_being_written_is_shown_as_far_as_it_goes(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "traces.json.gz"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as stream:
        stream.write((json.dumps(otlp(SPANS)) + "\n").encode())
        stream.flush()
        stream.write(os.urandom(100_000).hex().encode())
    file.write_bytes(packed.getvalue()[:-50_000])
    code, out, err = seen(str(file))
    assert (code, out) == (0, TREE)
    assert "ends too early" in err


def test_a_span_exported_twice_is_shown_once(seen: Any, tmp_path: Path) -> None:
    assert seen(write(tmp_path / "traces.json", otlp(SPANS), otlp(SPANS))) == (0, TREE, "")


def test_spans_without_their_parent_stand_beside_the_root_and_are_counted(seen: Any, tmp_path: Path) -> None:
    spans = [span(number=1), span(number=2, parent=1), span(number=4, parent=3)]
    _, out, _ = seen(write(tmp_path / "traces.json", document(*spans)))
    assert "the parents of 1 span are missing: shown beside the root" in out
    assert all(f"span {number} of 1" in out for number in (1, 2, 4))


def test_interleaved_traces_are_told_apart_and_shown_in_order_of_their_start(
    seen: Any, tmp_path: Path
) -> None:
    spans = [span(2, 2, 1), span(1, 2, 1), span(2, 1), span(1, 1)]
    _, out, _ = seen(write(tmp_path / "traces.json", *map(document, spans)))
    assert [line for line in out.splitlines() if line.startswith("●")] == [
        "● span 1 of 1  2.0ms · 2 spans · trace 00000000",
        "● span 1 of 2  2.0ms · 2 spans · trace 00000000",
    ]


def test_control_characters_of_a_span_name_never_reach_the_terminal(seen: Any, tmp_path: Path) -> None:
    _, out, _ = seen(write(tmp_path / "traces.json", document(span(name="\x1b[2J\x07 wiped"))))
    assert "\x1b" not in out
    assert "wiped" in out


# --- choosing -------------------------------------------------------------------------------------------------
def three_traces(folder: Path) -> str:
    spans = [span(trace, traceId=f"{trace}" * 32) for trace in (3, 1, 2)]
    return write(folder / "traces.json", *map(document, spans))


def test_trace_chooses_by_the_beginning_of_the_id(seen: Any, tmp_path: Path) -> None:
    code, out, err = seen(three_traces(tmp_path), "--trace", "2222", "--trace", "3" * 32)
    assert (code, err) == (0, "")
    assert [number for number in (1, 2, 3) if f"span 1 of {number}" in out] == [2, 3]


def test_limit_keeps_the_newest_and_says_so(seen: Any, tmp_path: Path) -> None:
    code, out, err = seen(three_traces(tmp_path), "--limit", "2")
    assert [number for number in (1, 2, 3) if f"span 1 of {number}" in out] == [2, 3]
    assert (code, err) == (0, "genai-otel view: the newest 2 of 3 traces; --limit 0 shows all\n")


def test_a_trace_let_go_does_not_come_back_in_part(seen: Any, tmp_path: Path) -> None:
    late = span(1, 2, 1, startTimeUnixNano=span(1000)["startTimeUnixNano"])
    spans = [span(1), *(span(trace) for trace in range(2, 900)), late, span(899, 2, 1)]
    code, out, _ = seen(write(tmp_path / "traces.json", *map(document, spans)), "--limit", "3")
    assert code == 0
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith("●")] == [
        f"● span 1 of {trace}" for trace in (897, 898, 899)
    ]
    assert "span 2 of 899" in out


# --- nothing to show, nothing to read ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("", 1, "no spans: there is nothing in it"),
        ('{"resourceMetrics": []}\n{"resourceLogs": []}\n', 1, "no spans, only 1 document of metrics and 1 document of logs"),
        ('{"hello": "world"}', 1, "no spans: this JSON is neither OTLP (resourceSpans) nor the console exporter's"),
        ("[1, 2]", 1, "no spans: this JSON is neither OTLP (resourceSpans) nor the console exporter's"),
        ('{"resourceSpans": []}', 1, "no spans: there is nothing in it"),
        ("name,duration\nchat,12\n", 2, "is not JSON (it begins with 'name duration')"),
        ('{"resourceSpans": [{"resource"', 2, "is cut short: its only document does not end"),
        ("\0\1\2 protobuf", 2, "is binary. The collector's file exporter writes JSON with `format: json`"),
        ("\x28\xb5\x2f\xfd packed", 2, "is compressed with zstd; unpack it first"),
    ],
)  # fmt: skip
def test_a_file_without_spans_is_explained(
    seen: Any, tmp_path: Path, content: str, code: int, said: str
) -> None:
    file = tmp_path / "traces.json"
    file.write_bytes(content.encode("latin-1"))
    found, out, err = seen(str(file))
    assert (found, out) == (code, "")
    assert said in err
    assert str(file) in err


def test_a_missing_file_is_named(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "nowhere.json"
    assert seen(str(file)) == (2, "", f"genai-otel view: {file}: No such file or directory\n")


def test_what_only_calls_itself_gzip_is_refused(seen: Any, tmp_path: Path) -> None:
    file = tmp_path / "traces.json.gz"
    file.write_text("{}")
    assert seen(str(file)) == (2, "", f"genai-otel view: {file} is no gzip file, or a damaged one\n")


def test_an_unknown_trace_is_nothing_to_show(seen: Any, tmp_path: Path) -> None:
    code, out, err = seen(three_traces(tmp_path), "--trace", "abc")
    assert (code, out) == (1, "")
    assert "no trace abc among the 3 spans" in err


@pytest.mark.parametrize(
    "arguments", [("--trace", "xyz"), ("--trace", "1" * 33), ("--limit", "-1"), ("--limit", "many")]
)
def test_wrong_arguments_are_usage_errors(tmp_path: Path, arguments: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["view", three_traces(tmp_path), *arguments])
    assert stopped.value.code == 2


def test_html_never_overwrites_what_it_reads(seen: Any, tmp_path: Path) -> None:
    file = three_traces(tmp_path)
    before = Path(file).read_bytes()
    code, _, err = seen(file, "--html", os.path.join(str(tmp_path), ".", "traces.json"))
    assert (code, Path(file).read_bytes()) == (2, before)
    assert "would overwrite" in err


def test_a_page_that_cannot_be_written_is_explained(seen: Any, tmp_path: Path) -> None:
    out = tmp_path / "no" / "page.html"
    assert seen(three_traces(tmp_path), "--html", str(out)) == (
        2, "", f"genai-otel view: {out} can't be written: No such file or directory\n",
    )  # fmt: skip


def test_the_reader_of_a_pipe_may_go_away(tmp_path: Path) -> None:
    file = write(tmp_path / "traces.json", *(document(span(trace)) for trace in range(1, 1000)))
    command = f"{sys.executable} -m genai_otel.cli view --limit 0 {file} | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.startswith("● span 1 of 1")
    assert done.stderr == ""
