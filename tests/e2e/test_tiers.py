"""The production configurations: agents that spread traces, a gateway that samples, cleans and measures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genai_otel.conventions import attributes as attr
from tests.e2e import sampled
from tests.e2e.plain import Plain, by_id, differences, events_from_otlp, from_otlp, points_from_otlp
from tests.e2e.servers import ROOT, Collector, Workload, environment, get, wait_for

QUICK: Plain = {
    "processors": {"tail_sampling": {"decision_wait": "5s", "decision_wait_after_root_received": "500ms"}},
    "connectors": {"span_metrics": {"metrics_flush_interval": "1s"}},
}


class Gateway:
    """A gateway as shipped (but for its patience), its backends, and the traces of ``tests.e2e.sampled``."""

    def __init__(self, collectors: Callable[..., Collector], storage: Path) -> None:
        self.backends = {name: collectors(name) for name in ("jaeger", "analytics", "events")}
        self.collector = collectors(
            "gateway",
            "deploy/collector/gateway.yaml",
            changes=QUICK,
            writes=(),
            COLLECTOR_STORAGE=str(storage),
            JAEGER_ENDPOINT=self.backends["jaeger"].grpc,
            ANALYTICS_ENDPOINT=self.backends["analytics"].http,
            EVENTS_ENDPOINT=self.backends["events"].http,
        )
        command = [sys.executable, "-m", "tests.e2e.sampled", self.collector.grpc, "grpc"]
        run = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=True
        )
        assert run.stdout.strip() == "True", run.stderr

    def spans(self, backend: str) -> list[Plain]:
        return list(from_otlp(self.backends[backend].written("traces")))

    def events(self, backend: str) -> list[Plain]:
        return list(events_from_otlp(self.backends[backend].written("logs")))

    def kept(self, backend: str) -> Counter[str]:
        """Return how many traces of each kind a backend has."""
        return Counter(span["name"] for span in self.spans(backend) if span["name"] in sampled.KINDS)

    def settled(self) -> bool:
        """Whether everything that must be kept has come, and the backends agree."""
        one, other = self.kept("jaeger"), self.kept("analytics")
        return all(one[kind] >= sampled.OF_EACH for kind in sampled.KINDS) and one == other

    def text(self, backend: str) -> str:
        """Return all that a backend has written down."""
        return "".join(file.read_text() for file in self.backends[backend].folder.glob("*.jsonl"))


@pytest.fixture(scope="module")
def gateway(collectors: Callable[..., Collector], tmp_path_factory: Any) -> Gateway:
    made = Gateway(collectors, tmp_path_factory.mktemp("storage"))
    wait_for(made.settled, 30, "agreement of the backends")
    for backend in ("events", "analytics"):
        wait_for(lambda name=backend: len(made.events(name)) >= 2, 15, f"events at {backend}")
    return made


@pytest.mark.parametrize("kind", [kind for kind in sampled.KINDS if kind != "ordinary"])
def test_the_gateway_keeps_every_trace_that_is(kind: str, gateway: Gateway) -> None:
    assert gateway.kept("jaeger")[kind] == sampled.OF_EACH


def test_the_gateway_keeps_a_tenth_of_the_ordinary_traces(gateway: Gateway) -> None:
    assert 0.03 < gateway.kept("jaeger")["ordinary"] / sampled.ORDINARY < 0.2


def test_kept_traces_are_whole(gateway: Gateway) -> None:
    names = defaultdict(set)
    for span in gateway.spans("jaeger"):
        names[span["trace_id"]].add(span["name"])
    assert {len(found) for found in names.values() if found & set(sampled.KINDS)} == {2}


def test_content_reaches_the_backend_that_may_have_it(gateway: Gateway) -> None:
    call = next(span for span in gateway.spans("jaeger") if span["name"] == "call")
    assert all(sampled.PRIVATE in call["attributes"][key] for key in attr.CONTENT)
    assert sampled.PRIVATE in gateway.text("events")


def test_no_content_reaches_the_other(gateway: Gateway) -> None:
    call = next(span for span in gateway.spans("analytics") if span["name"] == "call")
    assert not attr.CONTENT & set(call["attributes"])
    assert sampled.PRIVATE not in gateway.text("analytics")


def test_the_other_still_has_what_is_not_content(gateway: Gateway) -> None:
    with_content, without = by_id(gateway.spans("jaeger")), by_id(gateway.spans("analytics"))
    assert with_content.keys() == without.keys()
    for span_id, span in without.items():
        left_out = set(with_content[span_id]["attributes"]) - set(span["attributes"])
        assert left_out <= {*attr.CONTENT, f"{attr.PROMPT_VARIABLE_PREFIX}name"}
        assert span["status"][0] == with_content[span_id]["status"][0]
    assert {event["event_name"] for event in gateway.events("analytics")} == {
        "gen_ai.client.inference.operation.details",
        "gen_ai.evaluation.result",
    }


@pytest.mark.parametrize("secret", sampled.SECRETS)
def test_secrets_reach_no_backend(secret: str, gateway: Gateway) -> None:
    for backend in gateway.backends:
        assert sampled.SECRETS[secret] not in gateway.text(backend)


def test_attributes_named_like_secrets_are_masked(gateway: Gateway) -> None:
    assert "open sesame" not in gateway.text("jaeger")


def test_prometheus_has_the_genai_metrics_and_those_of_every_span(gateway: Gateway) -> None:
    traces = sampled.ORDINARY + sampled.OF_EACH * (len(sampled.KINDS) - 1)

    def calls() -> dict[str, float]:
        lines = get(gateway.collector.prometheus).decode().splitlines()
        samples = [line.split(" # ")[0].rsplit(" ", 1) for line in lines if line and line[0] != "#"]
        return {name: float(value) for name, value in samples}

    def counted(name: str, *labels: str) -> float:
        return sum(
            value
            for sample, value in calls().items()
            if sample.startswith(name + "{") and all(label in sample for label in labels)
        )

    every_call = ("traces_span_metrics_calls_total", 'span_name="call"')
    wait_for(lambda: counted(*every_call) >= traces, 15, "span metrics")
    assert counted(*every_call) == traces  # whether the trace was kept or not
    assert counted("traces_span_metrics_calls_total", "STATUS_CODE_ERROR") == sampled.OF_EACH
    model = ('gen_ai_request_model="gpt-4o-mini"', 'gen_ai_operation_name="chat"')
    assert counted("gen_ai_client_operation_duration_seconds_count", *model) == 1
    assert counted("gen_ai_client_token_usage_sum", 'gen_ai_token_type="input"', *model) == 10
    assert counted("traces_span_metrics_duration_seconds_count", *model) == 1


def spreading(gateways: list[Collector]) -> Plain:
    """Return the change that makes an agent know these gateways."""
    resolver = {"resolver": {"dns": None, "static": {"hostnames": [one.grpc for one in gateways]}}}
    return {"exporters": {"load_balancing": resolver, "load_balancing/metrics": resolver}}


def spans_of(gateways: list[Collector]) -> list[list[Plain]]:
    """Return what each gateway has received, without what the agent added, which is checked."""
    return [
        [_without_environment(span) for span in from_otlp(gateway.written("traces"))] for gateway in gateways
    ]


def _without_environment(span: Plain) -> Plain:
    resource = dict(span["resource"])
    assert resource.pop("deployment.environment.name") == "production"
    return {**span, "resource": resource}


def test_agents_send_each_trace_to_one_of_the_gateways(
    collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    gateways = [collectors("gateway-one"), collectors("gateway-two")]
    workloads = []
    for number, name in enumerate(("agent-one", "agent-two")):
        agent = collectors(
            name,
            "deploy/collector/agent.yaml",
            changes=spreading(gateways),
            COLLECTOR_STORAGE=str(tmp_path / name),
        )
        workloads.append(
            Workload(agent.grpc, "grpc", tmp_path / f"seen-{name}", traces=200, first=number * 1000)
        )
    assert all(workload.finish()["delivered"] for workload in workloads)
    sent = by_id(span for workload in workloads for span in workload.seen())
    wait_for(lambda: sum(map(len, spans_of(gateways))) >= len(sent), 20, "rest of the spans")
    one, other = spans_of(gateways)
    traces = [{span["trace_id"] for span in spans} for spans in (one, other)]
    assert not traces[0] & traces[1]
    assert min(map(len, traces)) > 100
    assert differences(sent, by_id([*one, *other])) == []


def test_a_gateway_that_comes_late_gets_its_part_and_the_other_gets_nothing_twice(
    collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    gateways = [collectors("in-time"), collectors("late", started=False)]
    agent = collectors(
        "patient-agent",
        "deploy/collector/agent.yaml",
        changes=spreading(gateways),
        COLLECTOR_STORAGE=str(tmp_path / "disk"),
    )
    workload = Workload(agent.grpc, "grpc", tmp_path / "seen", traces=200, rate=100)
    assert workload.finish()["delivered"]
    time.sleep(5)
    gateways[1].start()
    sent = by_id(workload.seen())
    wait_for(lambda: sum(map(len, spans_of(gateways))) >= len(sent), 30, "rest of the spans")
    time.sleep(1)
    received = [span for spans in spans_of(gateways) for span in spans]
    assert len(received) == len(sent)
    assert differences(sent, by_id(received)) == []


def test_the_metrics_of_a_process_reach_one_gateway(
    collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    gateways = [collectors("metrics-one"), collectors("metrics-two")]
    agent = collectors(
        "metrics-agent",
        "deploy/collector/agent.yaml",
        changes=spreading(gateways),
        COLLECTOR_STORAGE=str(tmp_path / "disk"),
    )
    variables = {"OTEL_METRIC_EXPORT_INTERVAL": "200"}
    options = {"traces": 60, "rate": 40, "variables": variables}
    assert Workload(agent.grpc, "grpc", tmp_path / "seen", **options).finish()["delivered"]
    found = [lambda one=one: list(points_from_otlp(one.written("metrics"))) for one in gateways]
    wait_for(lambda: any(points() for points in found), 10, "metrics")
    assert sorted(bool(points()) for points in found) == [False, True]
