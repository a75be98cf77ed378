"""What happens to telemetry, and to the application, when the collector misbehaves."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.e2e.plain import Plain, by_id, differences, from_otlp
from tests.e2e.servers import ROOT, Collector, Workload, environment, wait_for
from tests.otlp_receivers import HttpReceiver, http_receiver, refusing_address

PROTOCOLS = ("grpc", "http/protobuf")
TRACES_ONLY = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
# The promise is 2 seconds; machines that run tests may be busy.
EXIT_LIMIT = 4.0


def _received(backend: Collector) -> list[Plain]:
    return list(from_otlp(backend.written("traces")))


def _without_environment(span: Plain) -> Plain:
    resource = {key: value for key, value in span["resource"].items() if key != "deployment.environment.name"}
    return {**span, "resource": resource}


def _account(what: str, sent: dict[str, Plain], received: list[Plain]) -> None:
    twice = sum(times - 1 for times in Counter(span["span_id"] for span in received).values())
    traces = len({span["trace_id"] for span in sent.values()})
    print(f"{what}: {traces} traces, {len(sent)} spans sent, {len(by_id(received))} received, {twice} twice")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_lost_when_the_agent_is_killed_mid_load_while_the_gateway_is_down(
    protocol: str, collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    backend = collectors(f"backend-{protocol[:4]}", started=False)
    host, port = backend.grpc.split(":")
    agent = collectors(
        f"agent-{protocol[:4]}",
        "deploy/collector/agent.yaml",
        writes=(),
        COLLECTOR_STORAGE=str(tmp_path / "disk"),
        GATEWAY_HOST=host,
        GATEWAY_PORT=port,
    )
    workload = Workload(agent.endpoint(protocol), protocol, tmp_path / "seen", traces=1000, rate=150)
    time.sleep(3)
    agent.kill()
    time.sleep(1)
    agent.start()
    assert workload.finish()["delivered"]
    agent.kill()
    agent.start()
    assert not _received(backend)
    backend.start()
    sent = by_id(workload.seen())
    wait_for(lambda: len(by_id(_received(backend))) >= len(sent), 60, "rest of the spans")
    time.sleep(1)
    received = _received(backend)
    _account(f"agent killed twice, gateway down ({protocol})", sent, received)
    assert differences(sent, {span["span_id"]: _without_environment(span) for span in received}) == []


def test_nothing_that_was_decided_is_lost_when_the_gateway_is_killed_while_its_backends_are_down(
    collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    backends = {name: collectors(f"down-{name}", started=False) for name in ("jaeger", "analytics", "events")}
    everything: Plain = {
        "tail_sampling": {
            "decision_wait": "5s",
            "decision_wait_after_root_received": "500ms",
            "policies": [{"name": "everything", "type": "always_sample"}],
        }
    }
    gateway = collectors(
        "gateway",
        "deploy/collector/gateway.yaml",
        changes={"processors": everything},
        writes=("traces/jaeger",),
        COLLECTOR_STORAGE=str(tmp_path / "disk"),
        JAEGER_ENDPOINT=backends["jaeger"].grpc,
        ANALYTICS_ENDPOINT=backends["analytics"].http,
        EVENTS_ENDPOINT=backends["events"].http,
    )
    workload = Workload(gateway.grpc, "grpc", tmp_path / "seen", traces=500)
    assert workload.finish()["delivered"]
    sent = by_id(workload.seen())
    wait_for(lambda: len(list(from_otlp(gateway.written("traces/jaeger")))) >= len(sent), 30, "decisions")
    time.sleep(0.5)  # for the other pipeline
    gateway.kill()
    gateway.start()
    for backend in backends.values():
        backend.start()
    for name in ("jaeger", "analytics"):
        wait_for(lambda one=backends[name]: len(by_id(_received(one))) >= len(sent), 60, f"spans at {name}")
        _account(f"gateway killed, backends down ({name})", sent, _received(backends[name]))
    assert differences(sent, by_id(_received(backends["jaeger"]))) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_absent_collector_changes_neither_latency_nor_exit(
    protocol: str, collectors: Callable[..., Collector]
) -> None:
    collector = collectors(f"latency-{protocol[:4]}", "collector-config.yaml", writes=())
    with refusing_address() as refusing:
        absent = refusing if protocol == "grpc" else f"http://{refusing}"
        endpoints = {"present": collector.endpoint(protocol), "absent": absent, "none": "none"}
        rounds = [{name: _measured(where, protocol) for name, where in endpoints.items()} for _ in range(3)]
    for figure in ("median", "p99"):
        of = {name: statistics.median(one[name][figure] for one in rounds) for name in endpoints}
        ratio = of["absent"] / of["present"]
        print(
            f"{protocol}, {figure} in µs: { ({n: round(v) for n, v in of.items()}) }, absent/present {ratio:.2f}"
        )
        assert ratio < 5
    exits = {name: max(one[name]["exit"] for one in rounds) for name in endpoints}
    print(f"{protocol}, exit in s, longest: { ({name: round(took, 2) for name, took in exits.items()}) }")
    assert exits["absent"] < EXIT_LIMIT


def _measured(endpoint: str, protocol: str) -> Plain:
    command = [sys.executable, "-m", "tests.e2e.latency", endpoint, protocol, "2000", "800"]
    run = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    ended = time.time()
    found: Plain = json.loads(run.stdout)
    return {**found, "exit": ended - found["end"]}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_collector_that_is_busy_for_a_moment_gets_everything(status: int, tmp_path: Path) -> None:
    with http_receiver(statuses=[status, status]) as receiver:
        workload = Workload(receiver.endpoint, "http/protobuf", tmp_path, traces=100, variables=TRACES_ONLY)
        assert workload.finish()["delivered"]
        assert _ids(receiver) == set(by_id(workload.seen()))


def _ids(receiver: HttpReceiver) -> set[str]:
    ids = [span.span_id.hex() for span in receiver.spans]
    assert len(ids) == len(set(ids))
    return set(ids)


class BusyTraces(trace_service_pb2_grpc.TraceServiceServicer):
    """Refuses the first requests with a status, then takes everything."""

    def __init__(self, status: grpc.StatusCode, times: int) -> None:
        self._status = status
        self._times = times
        self.ids: list[str] = []

    def Export(self, request: Any, context: Any) -> Any:
        if self._times > 0:
            self._times -= 1
            context.abort(self._status, "busy")
        spans = [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
        self.ids += [span.span_id.hex() for span in spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def busy_grpc(status: grpc.StatusCode, times: int) -> Iterator[tuple[str, BusyTraces]]:
    """Serve ``BusyTraces`` on a free port."""
    server, service = grpc.server(ThreadPoolExecutor(2)), BusyTraces(status, times)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", service
    finally:
        server.stop(0)


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_collector_that_is_busy_for_a_moment_gets_everything_over_grpc(
    status: grpc.StatusCode, tmp_path: Path
) -> None:
    with busy_grpc(status, times=2) as (address, service):
        workload = Workload(address, "grpc", tmp_path, traces=100, variables=TRACES_ONLY)
        assert workload.finish()["delivered"]
        assert len(service.ids) == len(set(service.ids))
        assert set(service.ids) == set(by_id(workload.seen()))


def test_a_collector_that_is_always_busy_costs_neither_the_application_nor_its_exit(tmp_path: Path) -> None:
    with http_receiver(statuses=[503] * 10_000) as receiver:
        busy = _measured(receiver.endpoint, "http/protobuf")
    print(f"always 503: median {busy['median']:.0f} µs, p99 {busy['p99']:.0f} µs, exit {busy['exit']:.2f} s")
    assert busy["exit"] < EXIT_LIMIT


def test_a_slow_collector_gets_everything_and_holds_up_nothing(tmp_path: Path) -> None:
    with http_receiver(delay=1.0) as receiver:
        workload = Workload(receiver.endpoint, "http/protobuf", tmp_path, traces=200, variables=TRACES_ONLY)
        report = workload.finish()
        assert report["delivered"]
        assert _ids(receiver) == set(by_id(workload.seen()))
    print(f"answers after 1 s: the application ran {report['seconds']:.2f} s")


# a span of 5 MB in the midst of small ones, then one more
LARGE = """
import sys, genai_otel
genai_otel.configure("e2e-large", endpoint=sys.argv[1], protocol=sys.argv[2])
for number in range(41):
    with genai_otel.start_span(name="large" if number == 20 else "small") as span:
        span.set_attribute("content", "x" * (5_000_000 if number == 20 else 10))
print(genai_otel.flush(30_000))
with genai_otel.start_span(name="later"):
    pass
print(genai_otel.flush(30_000))
"""
STOCK: Plain = {
    "receivers": {
        "otlp": {
            "protocols": {"grpc": {"max_recv_msg_size_mib": None}, "http": {"max_request_body_size": None}}
        }
    }
}


@pytest.mark.parametrize(("limits", "arrives"), [("shipped", True), ("stock", False)])
def test_a_payload_over_four_megabytes_takes_nothing_else_with_it(
    limits: str, arrives: bool, collectors: Callable[..., Collector]
) -> None:
    changes = STOCK if limits == "stock" else {}
    collector = collectors(f"large-{limits}", "collector-config.yaml", changes=changes)
    run = subprocess.run(
        [sys.executable, "-c", LARGE, collector.grpc, "grpc"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.split() == [str(arrives), "True"]
    expected = {"small": 40, "later": 1, **({"large": 1} if arrives else {})}
    wait_for(lambda: len(_received(collector)) >= sum(expected.values()), 10, "rest of the spans")
    assert Counter(span["name"] for span in _received(collector)) == expected
