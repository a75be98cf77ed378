"""What happens at the end of a configured process: spans arrive, and nothing holds it up for long."""

from __future__ import annotations

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
