"""The processor: whole traces, once each, from any thread, without ever disturbing the program."""

from __future__ import annotations

import gc
import io
import logging
import os
import re
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TextIO

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    set_span_in_context,
)

from genai_otel import _guard
from genai_otel.exporters import console
from genai_otel.exporters.console import ConsoleTree, render

from .scripted import Script, support_agent


class Writes(io.StringIO):
    """Keeps each write apart, to see that traces are written whole."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []

    def write(self, text: str) -> int:
        self.blocks.append(text)
        return super().write(text)


def until(condition: object, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


@pytest.fixture
def stream() -> Writes:
    return Writes()


@pytest.fixture
def script(stream: Writes) -> Script:
    return Script(ConsoleTree(stream, width=80))


def test_a_trace_is_written_when_its_root_has_ended(script: Script, stream: Writes) -> None:
    spans = support_agent(script).spans()
    until(lambda: stream.blocks)
    assert stream.blocks == [render(spans, width=80) + "\n"]


def test_nothing_is_written_while_the_root_is_open(script: Script, stream: Writes) -> None:
    root = script.start("root")
    script.finish(script.start("child", parent=root))
    assert script.provider.force_flush()
    assert stream.blocks == []


def test_a_span_that_outlives_its_root_is_waited_for(script: Script, stream: Writes) -> None:
    root = script.start("root", 0, 5)
    child = script.start("stream", 1, 9, root)
    script.finish(root)
    assert script.provider.force_flush()
    assert stream.blocks == []
    script.finish(child)
    script.provider.force_flush()
    assert "2 spans" in stream.blocks[0] and "└─ stream" in stream.blocks[0]


def test_a_span_that_outlives_its_root_for_long_follows_under_a_header_of_its_own(stream: Writes) -> None:
    script = Script(ConsoleTree(stream, width=80, grace_seconds=0.05))
    root = script.start("root", 0, 5)
    child = script.start("slow stream", 1, 9, root)
    script.finish(root)
    until(lambda: stream.blocks)
    assert "1 still running" in stream.blocks[0]
    assert re.search(r"└─ slow stream +SPAN +━+ +…$", stream.blocks[0], re.MULTILINE)
    script.finish(child)
    until(lambda: len(stream.blocks) == 2)
    assert stream.blocks[1].startswith("↳ late in root  8.0ms · 1 span · trace 4bf92f35\n  slow stream")


def test_a_span_started_after_its_trace_was_shown_is_late(script: Script, stream: Writes) -> None:
    root = script.start("root")
    script.finish()
    script.start("afterthought", parent=root)
    script.finish()
    script.provider.force_flush()
    assert [block[:14] for block in stream.blocks] == ["● root  1.0ms ", "↳ late in root"]


def test_a_second_visit_from_the_same_remote_caller_is_not_late(script: Script, stream: Writes) -> None:
    caller = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1)))
    for name in ("first", "second"):
        script.start(name, parent=caller)
        script.finish()
    script.provider.force_flush()
    assert [block[:8] for block in stream.blocks] == ["● first ", "● second"]


def test_unsampled_spans_are_not_shown(stream: Writes) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(ConsoleTree(stream))
    provider.get_tracer("t").start_span("x").end()
    provider.shutdown()
    assert stream.blocks == []


def test_traces_of_many_threads_stay_whole(stream: Writes) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ConsoleTree(stream, width=100))
    tracer = provider.get_tracer("t")

    def work(number: int) -> None:
        for _ in range(25):
            with tracer.start_as_current_span(f"root{number}"):
                for _ in range(3):
                    with tracer.start_as_current_span(f"child{number}"):
                        tracer.start_span(f"leaf{number}").end()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.force_flush()
    assert len(stream.blocks) == 8 * 25
    for block in stream.blocks:
        assert "7 spans" in block
        assert len(set(re.findall(r"(?:root|child|leaf)(\d)", block))) == 1
        assert (block.count("─ child"), block.count("─ leaf")) == (3, 3)


def test_two_traces_from_eight_threads_are_two_trees(stream: Writes) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ConsoleTree(stream, width=100))
    tracer = provider.get_tracer("t")
    roots = [tracer.start_span(name) for name in ("A", "B")]

    def work(number: int) -> None:
        for _ in range(5):
            tracer.start_span(f"of{'AB'[number % 2]}", context=set_span_in_context(roots[number % 2])).end()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for root in roots:
        root.end()
    provider.force_flush()
    assert [block[:3] for block in stream.blocks] == ["● A", "● B"]
    assert [(b.count("─ ofA"), b.count("─ ofB")) for b in stream.blocks] == [(20, 0), (0, 20)]


def test_shutdown_writes_what_ended_and_says_what_still_runs(script: Script, stream: Writes) -> None:
    root = script.start("root", 0, 9)
    script.finish(script.start("child", 1, 2, root))
    script.provider.shutdown()
    assert "1 still running" in stream.blocks[0] and "└─ child" in stream.blocks[0]


def test_shutdown_ends_the_thread_and_can_be_repeated(stream: Writes) -> None:
    tree = ConsoleTree(stream)
    script = Script(tree)
    script.start("x")
    script.finish()
    tree.shutdown()
    tree.shutdown()
    assert not [thread for thread in threading.enumerate() if thread is tree._writer]
    script.start("after")
    script.finish()
    assert tree.force_flush()
    assert len(stream.blocks) == 1


def test_shutdown_is_prompt_whatever_the_writer_is_doing() -> None:
    began = time.monotonic()
    for _ in range(100):
        stream = Writes()
        script = Script(ConsoleTree(stream))
        root = script.start("root")
        script.finish(script.start("child", parent=root))
        script.start("other")
        script.provider.shutdown()
        assert len(stream.blocks) == 1
    assert time.monotonic() - began < 5


def test_where_no_thread_can_be_started_the_tree_is_written_at_once(
    stream: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    script = Script(ConsoleTree(stream))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    script.start("x")
    script.finish()
    assert len(stream.blocks) == 1


def test_a_span_that_began_before_the_tree_was_there_is_shown(stream: Writes) -> None:
    script = Script()
    script.start("early")
    script.provider.add_span_processor(ConsoleTree(stream))
    script.finish()
    until(lambda: stream.blocks)
    assert stream.blocks[0].startswith("● early")


def test_the_program_does_not_wait_for_a_slow_stream(stream: Writes) -> None:
    release = threading.Event()

    class Stalled(Writes):
        def write(self, text: str) -> int:
            release.wait(30)
            return super().write(text)

    stalled = Stalled()
    script = Script(ConsoleTree(stalled))
    began = time.monotonic()
    for _ in range(20):
        script.start("x")
        script.finish()
    assert not script.provider.force_flush(10)
    assert time.monotonic() - began < 5
    release.set()
    assert script.provider.force_flush()
    assert len(stalled.blocks) == 20


def test_what_a_slow_stream_cannot_take_is_counted(stream: Writes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_MAX_WAITING", 3)
    tree = ConsoleTree(stream)
    script = Script(tree)
    with tree._writing:  # nothing is written meanwhile
        script.start("first")
        script.finish()
        until(lambda: tree._writer is not None)
        for _ in range(9):
            script.start("x")
            script.finish()
    tree.shutdown()
    assert stream.blocks[0].startswith("7 traces not shown")
    assert len(stream.blocks) == 1 + 3


@pytest.mark.parametrize("how", ["closed", "none", "broken"])
def test_a_stream_that_cannot_be_written_to_is_passed_over(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target: TextIO | None = None
    if how == "closed":
        target = open(os.devnull, "w")
        target.close()
    elif how == "broken":

        class Broken(io.StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        target = Broken()
    else:
        monkeypatch.setattr(sys, "stderr", None)
    script = Script(ConsoleTree(target))
    script.start("x")
    script.finish()
    assert script.provider.force_flush()
    script.provider.shutdown()


def test_a_failure_of_ours_costs_one_warning_and_the_next_trace_is_shown(
    stream: Writes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _guard.reset(raise_errors=False)
    try:
        script = Script(ConsoleTree(stream))
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "genai_otel"):
            patch.setattr("genai_otel.exporters.screen.layout", lambda *args: 1 / 0)
            for _ in range(2):
                script.start("x")
                script.finish()
            script.provider.force_flush()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        script.start("next")
        script.finish()
        script.provider.force_flush()
        assert stream.blocks[0].startswith("● next")
    finally:
        _guard.reset(raise_errors=True)


def test_a_span_ended_by_the_garbage_collector_inside_our_lock_does_no_harm(stream: Writes) -> None:
    tree = ConsoleTree(stream, width=80)
    script = Script(tree)
    root = script.start("root")
    child = script.start("child", parent=root)

    class Forgotten:
        def __del__(self) -> None:
            script.finish(child)

    cycle = [Forgotten()]
    cycle.append(cycle)  # type: ignore[arg-type]
    del cycle
    with tree._changed:
        gc.collect()
    script.finish(root)
    script.provider.force_flush()
    assert "└─ child" in stream.blocks[0]


def test_an_ascii_stream_gets_ascii_trees() -> None:
    raw = io.BytesIO()
    script = support_agent(Script(ConsoleTree(io.TextIOWrapper(raw, encoding="ascii"), width=80)))
    script.start("日本")
    script.spans()
    script.provider.force_flush()
    text = raw.getvalue().decode("ascii")
    assert "|- x execute_tool lookup_order" in text and "* ??" in text


def test_colour_can_be_asked_for(stream: Writes) -> None:
    script = Script(ConsoleTree(stream, color=True))
    script.start("x")
    script.finish()
    script.provider.force_flush()
    assert "\x1b[1mx" in stream.blocks[0]


def test_a_pipe_gets_no_colour_on_stderr_and_nothing_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    script = Script(ConsoleTree())
    script.start("x")
    script.finish()
    script.provider.force_flush()
    out, err = capfd.readouterr()
    assert (out, err[:3], "\x1b" in err) == ("", "● x", False)


def test_memory_is_bounded(stream: Writes) -> None:
    tree = ConsoleTree(stream, max_traces=5, max_spans=20)
    script = Script(tree)
    for number in range(40):
        root = script.start(f"root{number}")
        for _ in range(30):
            script.finish(script.start("child", parent=root))
    assert len(tree._ledger._traces) == 5
    assert max(len(trace.ended) for trace in tree._ledger._traces.values()) == 20
    script.provider.force_flush()
    assert len(stream.blocks) == 35
    assert "10 earlier spans dropped: only 20 of a trace are kept" in stream.blocks[0]
    assert "shown before it was complete: too many traces are open" in stream.blocks[0]
    for number in range(2_000):
        script.finish(script.start(f"trace{number}"))
    script.provider.force_flush()
    assert len(tree._screen._shown) == 1_000


def run(program: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    prelude = """
    import os, sys
    from opentelemetry.sdk.trace import TracerProvider
    from genai_otel.exporters.console import ConsoleTree
    provider = TracerProvider()
    provider.add_span_processor(ConsoleTree())
    tracer = provider.get_tracer("t")
    """
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(prelude) + dedent(program)],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


def test_a_program_that_just_ends_has_everything_written() -> None:
    done = run("""
    for number in range(50):
        with tracer.start_as_current_span(f"root{number}"):
            tracer.start_span("child").end()
    root = tracer.start_span("never ended")
    from opentelemetry.trace import set_span_in_context
    tracer.start_span("its child", context=set_span_in_context(root)).end()
    """)
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"")
    assert [text.count(f"● root{number} ") for number in range(50)] == [1] * 50
    assert "└─ its child" in text and "Traceback" not in text


def test_a_program_on_an_ascii_terminal_ends_well() -> None:
    done = run("tracer.start_span('日本').end()", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0
    assert done.stderr.startswith(b"* ??  ")


def test_a_program_whose_stderr_is_closed_ends_well() -> None:
    done = run("sys.stderr.close(); tracer.start_span('x').end(); print('done')")
    assert (done.returncode, done.stdout.strip()) == (0, b"done")


def test_rich_is_not_imported_where_it_is_not_needed() -> None:
    done = run("tracer.start_span('x').end(); provider.force_flush(); assert 'rich' not in sys.modules")
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_shows_its_own_spans_and_not_its_parents() -> None:
    done = run("""
    with tracer.start_as_current_span("root"):
        tracer.start_span("before").end()
        pid = os.fork()
        if pid == 0:
            tracer.start_span("in the child").end()
            provider.force_flush()
            os._exit(0)
        os.waitpid(pid, 0)
    """)
    text = done.stderr.decode()
    assert done.returncode == 0
    child, parent = text.split("● root")
    assert "in the child" in child and "before" not in child
    assert "before" in parent and "in the child" not in parent
