"""What happens at the end of a configured process: spans arrive, and nothing holds it up for long."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.configured import run
from tests.otlp_receivers import grpc_receiver, http_receiver, refusing_address, silent_address

# The promise is 2 seconds from the last line of the program; machines that run tests may be busy.
LIMIT = 4.0
SCRIPT = """
import time, genai_otel
genai_otel.configure("svc", {arguments})
for number in range({spans}):
    with genai_otel.start_span(name="a", span_type="LLM", model="m", provider="p") as span:
        span.set_usage(1, 2)
genai_otel.log_evaluation("quality", value=1.0, span=span)
{more}
print(time.time(), flush=True)
"""


def exit_of(arguments: str, spans: int = 1, more: str = "") -> tuple[float, str]:
    """Return how long the process took from its last line to its end, and what it wrote to stderr."""
    done = run(SCRIPT.format(arguments=arguments, spans=spans, more=more))
    ended = time.time()
    assert done.returncode == 0, done.stderr
    took = ended - float(done.stdout.split()[0])
    print(f"exit after {took:.2f} s")
    return took, done.stderr


UNREACHABLE: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "refusing": refusing_address,
    "silent": silent_address,
}


@pytest.mark.parametrize("kind", UNREACHABLE)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_unreachable_collector_holds_up_the_exit_two_seconds_at_most(protocol: str, kind: str) -> None:
    with UNREACHABLE[kind]() as address:
        took, stderr = exit_of(f"endpoint='http://{address}', protocol={protocol!r}", spans=600)
    assert took < LIMIT
    assert "Traceback" not in stderr
    assert "Fatal" not in stderr
    assert len(stderr.splitlines()) <= 12, stderr


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_whose_name_is_unknown_holds_up_the_exit_two_seconds_at_most(protocol: str) -> None:
    took, stderr = exit_of(f"endpoint='http://collector.invalid:4318', protocol={protocol!r}")
    assert took < LIMIT
    assert "Traceback" not in stderr


def test_everything_arrives_at_a_slow_collector_over_http() -> None:
    with http_receiver(delay=0.3) as receiver:
        took, stderr = exit_of(f"endpoint={receiver.endpoint!r}", spans=1_500)
        assert len(receiver.spans) == 1_500
        assert "gen_ai.client.operation.duration" in receiver.metric_names
        assert len(receiver.log_records) == 1
    assert took < LIMIT
    assert stderr == ""


def test_everything_arrives_at_a_slow_collector_over_grpc() -> None:
    with grpc_receiver(delay=0.3) as receiver:
        took, stderr = exit_of(f"endpoint={receiver.address!r}, protocol='grpc'", spans=1_500)
        assert len(receiver.spans) == 1_500
        assert "gen_ai.client.operation.duration" in receiver.metric_names
        assert len(receiver.log_records) == 1
    assert took < LIMIT
    assert stderr == ""


def test_a_collector_that_is_busy_for_a_moment_gets_everything() -> None:
    with http_receiver(statuses=[503]) as receiver:
        exit_of(f"endpoint={receiver.endpoint!r}")
        assert receiver.paths == {"/v1/traces", "/v1/metrics", "/v1/logs"}


def test_nothing_to_send_means_no_waiting() -> None:
    with silent_address() as address:
        done = run(
            f"import time, genai_otel\ngenai_otel.configure(endpoint='http://{address}')\nprint(time.time())"
        )
        took = time.time() - float(done.stdout)
    assert took < 1.0
    assert done.stderr == ""


def test_the_console_tree_is_complete_at_exit() -> None:
    done = run(
        "import genai_otel\ngenai_otel.configure()\nwith genai_otel.start_span(name='at the end'): pass"
    )
    assert "at the end" in done.stderr
    assert done.stdout == ""


def test_nothing_is_waited_for_after_shutdown() -> None:
    with http_receiver() as receiver:
        took, stderr = exit_of(f"endpoint={receiver.endpoint!r}", more="genai_otel.shutdown()")
        assert len(receiver.spans) == 1
    assert took < 1.0
    assert stderr == ""


def test_shutdown_and_flush_work_in_an_exit_handler() -> None:
    with http_receiver(delay=0.1) as receiver:
        more = "import atexit; atexit.register(genai_otel.shutdown); atexit.register(genai_otel.flush)"
        _, stderr = exit_of(f"endpoint={receiver.endpoint!r}", more=more)
        assert len(receiver.spans) == 1
        assert len(receiver.log_records) == 1
    assert "Traceback" not in stderr


def test_the_exporter_added_to_an_existing_provider_is_ended_within_the_same_limit() -> None:
    with silent_address() as address:
        done = run(
            "import time, genai_otel\n"
            "from opentelemetry import trace\n"
            "from opentelemetry.sdk.trace import TracerProvider\n"
            "trace.set_tracer_provider(TracerProvider())\n"
            f"genai_otel.configure(endpoint='http://{address}')\n"
            "with genai_otel.start_span(name='a'): pass\n"
            "print(time.time(), flush=True)\n"
        )
        took = time.time() - float(done.stdout)
    assert took < LIMIT
    assert "Traceback" not in done.stderr


def test_a_provider_that_shuts_itself_down_at_exit_comes_after_us() -> None:
    with silent_address() as address:
        done = run(
            "import time, genai_otel\n"
            "from opentelemetry.sdk.trace import TracerProvider\n"
            "genai_otel.configure(exporter='none')\n"
            f"genai_otel.configure(tracer_provider=TracerProvider(), endpoint='http://{address}')\n"
            "with genai_otel.start_span(name='a'): pass\n"
            "print(time.time(), flush=True)\n"
        )
        took = time.time() - float(done.stdout)
    assert took < LIMIT


def test_an_uncaught_exception_still_exports() -> None:
    with http_receiver() as receiver:
        done = run(
            f"import genai_otel\ngenai_otel.configure(endpoint={receiver.endpoint!r})\n"
            "with genai_otel.start_span(name='a'): raise KeyError('x')"
        )
        assert done.returncode == 1
        assert receiver.span_names == ["a"]


# --- how a process may end (docs/exits.md)

ENDING = """
import atexit, os, signal, sys, threading, time

def span(name):
    with genai_otel.start_span(name=name): pass

atexit.register(lambda: span("handler registered before"))
import genai_otel
genai_otel.configure(endpoint={endpoint!r})
atexit.register(lambda: span("handler registered after"))
span("work")
{more}
"""
HANDLED = ["handler registered after", "work"]
# name -> (what the program does at its end, its exit status, the spans that arrive)
ENDINGS: dict[str, tuple[str, int, list[str]]] = {
    "it just ends": ("", 0, HANDLED),
    "sys.exit": ("sys.exit(3)", 3, HANDLED),
    "an exception": ("raise KeyError('x')", 1, HANDLED),
    "Ctrl-C": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", -signal.SIGINT, HANDLED),
    "SIGTERM with a handler": (
        "signal.signal(signal.SIGTERM, lambda *about: sys.exit(0)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
        0,
        HANDLED,
    ),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM, []),
    "os._exit": ("os._exit(4)", 4, []),
    "flush and os._exit": ("genai_otel.flush(); os._exit(4)", 4, ["work"]),
}


def ended(more: str) -> tuple[int, list[str], str]:
    """Return the exit status of a configured process, the spans that arrived and what it wrote to stderr."""
    with http_receiver() as receiver:
        done = run(ENDING.format(endpoint=receiver.endpoint, more=more))
        return done.returncode, receiver.span_names, done.stderr


@pytest.mark.parametrize("how", ENDINGS)
def test_what_arrives_of_a_process_that_ends_by(how: str) -> None:
    more, status, expected = ENDINGS[how]
    returned, names, stderr = ended(more)
    assert (returned, names) == (status, expected)
    assert how in ("an exception", "Ctrl-C") or stderr == ""


def test_threads_that_the_interpreter_waits_for_deliver_everything() -> None:
    script = """
def work():
    for number in range(30):
        span("thread")
        time.sleep(0.01)

for _ in range(4):
    threading.Thread(target=work).start()
"""
    assert ended(script) == (0, [HANDLED[0], *["thread"] * 120, "work"], "")


def test_daemon_threads_that_trace_while_the_interpreter_goes_down_do_no_harm() -> None:
    script = """
import logging
logging.getLogger("opentelemetry").setLevel("CRITICAL")  # that the queue is full

def work():
    while True:
        span("daemon")
        time.sleep(0.001)

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    status, names, stderr = ended(script)
    assert (status, stderr) == (0, "")
    assert {"daemon", "work"} <= set(names)


def test_spans_that_are_open_at_the_end_are_left_out_and_hold_nothing_up() -> None:
    script = """
genai_otel.start_span(name="in a block").__enter__()
genai_otel.start_span_no_context(name="loose")
client = genai_otel.TracingClient()
root = client.start_trace("trace")
client.start_span("child", root.trace_id, root.span_id)

@genai_otel.trace
def items():
    yield 1
    span("inside")
    yield 2

iteration = items()
next(iteration), next(iteration)
"""
    assert ended(script) == (0, ["handler registered after", "inside", "work"], "")


STREAMS = """
import asyncio, gc, openai
from genai_otel.testing.server import OpenAIServer

genai_otel.autolog()
server = OpenAIServer().start()

async def read_one():
    client = openai.AsyncOpenAI(api_key="test", base_url=server.base_url)
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "hi"}], stream=True,
        extra_headers={"x-mock": "chunks=100;chunk_delay=0.01"},
    )
    async for chunk in stream:
        return client, stream

async def leave_a_task_reading():
    async def read():
        client, stream = await read_one()
        async for chunk in stream: pass

    asyncio.create_task(read())
    await asyncio.sleep(0.2)

@genai_otel.trace
async def items():
    yield 1
    yield 2

async def read_one_item():
    iteration = items()
    await anext(iteration)
    return iteration
"""


@pytest.mark.parametrize(
    "closing",
    [
        "kept = asyncio.run(read_one()), asyncio.run(read_one_item())",
        "asyncio.run(leave_a_task_reading()); asyncio.run(read_one_item()); gc.collect()",
        "loop = asyncio.new_event_loop(); kept = loop.run_until_complete(read_one()); "
        "also = loop.run_until_complete(read_one_item()); loop.close(); del also; gc.collect()",
    ],
    ids=["asyncio.run", "a task was reading", "loop.close"],
)
def test_an_event_loop_that_is_closed_under_an_open_stream_ends_its_span(closing: str) -> None:
    status, names, stderr = ended(STREAMS + closing)
    assert (status, names) == (0, ["chat m", *HANDLED[:1], "items", "work"])
    assert "genai_otel" not in stderr
    assert "Failed to detach" not in stderr


def test_configuring_over_and_over_adds_no_threads_files_or_spans() -> None:
    script = """
def resources():
    return threading.active_count(), len(os.listdir("/proc/self/fd"))

genai_otel.flush()
before = resources()
for number in range(40):
    genai_otel.configure("notebook", capture_content=bool(number % 2), endpoint={endpoint!r})
    span("cell")
for number in range(20):
    genai_otel.configure(exporter=["otlp", "none"][number % 2])
    span(["cell", "nowhere"][number % 2])
genai_otel.configure(exporter="otlp")
genai_otel.flush()
after = resources()
assert after[0] <= before[0], (before, after)
assert after[1] <= before[1] + 1, (before, after)
"""
    with http_receiver() as receiver:
        more = script.format(endpoint=receiver.endpoint)
        done = run(ENDING.format(endpoint=receiver.endpoint, more=more))
        assert (done.returncode, done.stderr) == (0, "")
        assert receiver.span_names == ["cell"] * 50 + ["work"]  # the handler is one registered before, now


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="orjson refuses to be loaded in subinterpreters")
def test_a_subinterpreter_traces_on_its_own() -> None:
    script = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import genai_otel
genai_otel.configure(exporter="none")
inner = interpreters.create()
failed = interpreters.run_string(inner, f'''
import sys
sys.path[:0] = {sys.path!r}
import genai_otel
from opentelemetry import trace
assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"

@genai_otel.trace
def double(number):
    return number * 2

assert double(2) == 4
with genai_otel.start_span(name="a", inputs={{"x": 1}}): pass
''')
assert not failed, failed
"""
    done = run(script)
    assert (done.returncode, done.stderr) == (0, "")
