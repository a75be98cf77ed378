"""A real collector with the configuration at the root of the repository: what is sent is what arrives."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.plain import Plain, by_id, differences, events_from_otlp, from_otlp, points_from_otlp
from tests.e2e.relay import relay
from tests.e2e.servers import ROOT, Collector, Workload, environment, get, wait_for

PROTOCOLS = ("grpc", "http/protobuf")
TRACES = 1000
SHIPPED = ("collector-config.yaml", "deploy/collector/agent.yaml", "deploy/collector/gateway.yaml")


class Delivery:
    """1,000 traces that went through the collector."""

    def __init__(self, collector: Collector, protocol: str, folder: Path) -> None:
        workload = Workload(collector.endpoint(protocol), protocol, folder, traces=TRACES)
        self.collector = collector
        self.report = workload.finish()
        self.spans = by_id(workload.seen())
        self.events = workload.seen("events")

    def received(self) -> dict[str, Plain]:
        return by_id(from_otlp(self.collector.written("traces")))


@pytest.fixture(scope="module", params=PROTOCOLS)
def delivery(request: Any, collectors: Callable[..., Collector], tmp_path_factory: Any) -> Delivery:
    folder = tmp_path_factory.mktemp("seen")
    collector = collectors(f"root-{request.param[:4]}", "collector-config.yaml")
    made = Delivery(collector, request.param, folder)
    wait_for(lambda: len(made.received()) >= len(made.spans), 30, "rest of the spans")
    return made


def test_every_span_arrives_as_recorded(delivery: Delivery) -> None:
    assert delivery.report["delivered"]
    assert len({span["trace_id"] for span in delivery.spans.values()}) == TRACES
    assert differences(delivery.spans, delivery.received()) == []


def test_no_span_arrives_twice(delivery: Delivery) -> None:
    times = Counter(span["span_id"] for span in from_otlp(delivery.collector.written("traces")))
    assert set(times.values()) == {1}


def test_the_comparison_covers_what_a_span_can_carry(delivery: Delivery) -> None:
    spans = delivery.spans.values()
    assert {span["status"][0] for span in spans} == {0, 1, 2}
    assert {event[0] for span in spans for event in span["events"]} == {"exception", "ranked"}
    assert any(span["parent_id"] for span in spans)
    kinds = {type(value) for span in spans for value in span["attributes"].values()}
    assert {bool, int, float, str, list} <= kinds


def test_every_log_event_arrives_as_recorded(delivery: Delivery) -> None:
    def received() -> list[Plain]:
        return list(events_from_otlp(delivery.collector.written("logs")))

    wait_for(lambda: len(received()) >= len(delivery.events), 30, "rest of the events")
    order: Callable[[Plain], Any] = lambda event: (event["span_id"], event["event_name"])  # noqa: E731
    assert delivery.events
    assert sorted(received(), key=order) == sorted(delivery.events, key=order)


def test_metrics_agree_with_the_spans(delivery: Delivery) -> None:
    chats = [span["attributes"] for span in delivery.spans.values() if span["name"] == "chat gpt-4o-mini"]
    tokens = {kind: sum(one[f"gen_ai.usage.{kind}_tokens"] for one in chats) for kind in ("input", "output")}
    points = _last_points(delivery.collector.written("metrics"))
    calls = [point for name, _, point in points if name == "gen_ai.client.operation.duration"]
    usage = [(found, point) for name, found, point in points if name == "gen_ai.client.token.usage"]
    assert sum(int(point["count"]) for point in calls) == len(chats)
    for kind, total in tokens.items():
        assert sum(point["sum"] for found, point in usage if found["gen_ai.token.type"] == kind) == total


def _last_points(requests: list[Plain]) -> list[tuple[str, Plain, Plain]]:
    """Return the last point of each cumulative series."""
    last = {
        (name, str(sorted(found.items()))): (name, found, point)
        for name, found, point in points_from_otlp(requests)
    }
    return list(last.values())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gzip_makes_the_requests_smaller(
    protocol: str, collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    collector = collectors(f"gzip-{protocol[:4]}", "collector-config.yaml")
    sent = {}
    for compression in ("none", "gzip"):
        with relay(collector.endpoint(protocol)) as counting:
            endpoint = counting.address if protocol == "grpc" else f"http://{counting.address}"
            variables = {"OTEL_EXPORTER_OTLP_COMPRESSION": compression}
            report = Workload(
                endpoint, protocol, tmp_path / compression, traces=100, variables=variables
            ).finish()
            assert report["delivered"]
            sent[compression] = counting.sent
    print(f"{protocol}: 100 traces are {sent['none']:,} bytes, {sent['gzip']:,} with gzip")
    assert sent["gzip"] < sent["none"] / 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_demo_arrives_whole(protocol: str, collectors: Callable[..., Collector]) -> None:
    collector = collectors(f"demo-{protocol[:4]}", "collector-config.yaml")
    command = [sys.executable, "-m", "genai_otel.cli", "demo", "--endpoint", collector.endpoint(protocol)]
    command += ["--protocol", protocol]
    run = subprocess.run(
        command,
        env=environment(OTEL_EXPORTER_OTLP_COMPRESSION="gzip"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    count = int(run.stdout.splitlines()[-1].split(" spans")[0])
    wait_for(lambda: len(list(from_otlp(collector.written("traces")))) >= count, 15, "demo trace")
    spans = by_id(from_otlp(collector.written("traces")))
    assert len(spans) == count
    assert len({span["trace_id"] for span in spans.values()}) == 1
    assert [span["name"] for span in spans.values() if not span["parent_id"]] == [
        "invoke_agent shop_assistant"
    ]
    assert all(span["parent_id"] in spans for span in spans.values() if span["parent_id"])
    assert [span["name"] for span in spans.values() if span["status"][0] == 2] == [
        "execute_tool courier_quote"
    ]


def test_the_health_check_answers(delivery: Delivery) -> None:
    assert b"available" in get(delivery.collector.health)


def test_every_shipped_configuration_is_valid(collector_binary: Path) -> None:
    run = subprocess.run(
        [ROOT / "scripts/collector.sh", "validate"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"{config}: valid" for config in SHIPPED]


def test_validation_notices_a_mistake(collector_binary: Path, tmp_path: Path) -> None:
    text = (ROOT / "deploy/collector/gateway.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("sampling_percentage", "percentage_sampled"))
    run = subprocess.run(
        [collector_binary, "validate", "--config", tmp_path / "wrong.yaml"], capture_output=True
    )
    assert run.returncode != 0


def test_every_configuration_of_the_repository_is_among_those_validated() -> None:
    found = [*ROOT.glob("*config.yaml"), *(ROOT / "deploy/collector").glob("*.yaml")]
    configurations = {str(file.relative_to(ROOT)) for file in found if "receivers:" in file.read_text()}
    assert configurations - {"deploy/collector/builder-config.yaml"} == set(SHIPPED)


def test_the_manifest_has_exactly_the_components_that_are_used(collector_binary: Path) -> None:
    listing = subprocess.run(
        [collector_binary, "components"], capture_output=True, text=True, check=True
    ).stdout
    for kind in ("receivers", "processors", "exporters", "connectors", "extensions"):
        built = {one["name"] for one in yaml.safe_load(listing)[kind] or ()}
        used = {_TODAY.get((kind, name), name) for config in SHIPPED for name in _components(config, kind)}
        assert built - {"file"} == used, kind  # the file exporter is there for the tests


# collector-config.yaml says "otlp", which older collectors know as well
_TODAY = {("exporters", "otlp"): "otlp_grpc"}


def _components(config: str, kind: str) -> set[str]:
    return {name.split("/")[0] for name in yaml.safe_load((ROOT / config).read_text()).get(kind) or ()}
