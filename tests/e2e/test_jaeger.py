"""A real Jaeger v2: what is sent is what its query API returns, sent directly and through the collector."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Jaeger
from tests.e2e.plain import Plain, by_id, differences, from_otlp
from tests.e2e.servers import ROOT, Collector, Workload, environment, get, wait_for

TRACES = 1000
# Jaeger stores traces alone
TRACES_ONLY = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def spans_of(jaeger: Jaeger, trace_id: str) -> list[Plain]:
    """Return the spans that Jaeger has of a trace."""
    answer = get(f"{jaeger.api}/api/v3/traces/{trace_id}")
    return list(from_otlp([json.loads(answer)["result"]])) if answer else []


def all_spans(jaeger: Jaeger, sent: dict[str, Plain]) -> dict[str, Plain]:
    """Return what Jaeger has of every trace in ``sent``, once it has all of it."""
    last = list(sent.values())[-1]
    ids = sorted({span["trace_id"] for span in sent.values()})
    expected = sum(span["trace_id"] == last["trace_id"] for span in sent.values())
    wait_for(lambda: len(spans_of(jaeger, last["trace_id"])) >= expected, 20, "last trace")
    time.sleep(1)
    return by_id(span for trace_id in ids for span in spans_of(jaeger, trace_id))


@pytest.mark.parametrize(("protocol", "first"), [("grpc", 0), ("http/protobuf", 100_000)])
def test_every_span_sent_to_jaeger_is_returned_as_recorded(
    protocol: str, first: int, jaeger: Jaeger, tmp_path: Path
) -> None:
    workload = Workload(
        jaeger.endpoint(protocol), protocol, tmp_path, traces=TRACES, first=first, variables=TRACES_ONLY
    )
    report = workload.finish()
    sent = by_id(workload.seen())
    assert report["delivered"], workload.stderr
    assert len({span["trace_id"] for span in sent.values()}) == TRACES
    assert differences(sent, all_spans(jaeger, sent)) == []


@pytest.mark.parametrize(("protocol", "first"), [("grpc", 200_000), ("http/protobuf", 300_000)])
def test_every_span_sent_to_the_collector_reaches_jaeger(
    protocol: str, first: int, jaeger: Jaeger, collectors: Callable[..., Collector], tmp_path: Path
) -> None:
    collector = collectors(
        f"jaeger-{protocol[:4]}", "collector-config.yaml", writes=(), JAEGER_ENDPOINT=jaeger.grpc
    )
    workload = Workload(collector.endpoint(protocol), protocol, tmp_path, traces=TRACES, first=first)
    assert workload.finish()["delivered"]
    sent = by_id(workload.seen())
    assert differences(sent, all_spans(jaeger, sent)) == []


def test_the_demo_is_found_by_its_service(jaeger: Jaeger) -> None:
    command = [sys.executable, "-m", "genai_otel.cli", "demo", "--endpoint", jaeger.http]
    run = subprocess.run(command, env=environment(**TRACES_ONLY), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    count = int(run.stdout.splitlines()[-1].split(" spans")[0])
    traces = wait_for(lambda: _found(jaeger, "genai-otel-demo"), 15, "trace of the demo")
    spans = traces[0]["spans"]
    assert len(spans) == count
    errors = [span["operationName"] for span in spans if _tags(span).get("error")]
    assert errors == ["execute_tool courier_quote"]
    assert _tags(spans[0])["otel.scope.name"] == "genai_otel"


def _found(jaeger: Jaeger, service: str) -> list[Any]:
    answer = get(f"{jaeger.api}/api/traces?service={service}&limit=20&lookback=1h")
    found: list[Any] = json.loads(answer)["data"] if answer else []
    return found


def _tags(span: Plain) -> Plain:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def test_traces_are_found_by_their_attributes(jaeger: Jaeger, tmp_path: Path) -> None:
    workload = Workload(
        jaeger.http, "http/protobuf", tmp_path, traces=30, first=400_000, variables=TRACES_ONLY
    )
    assert workload.finish()["delivered"]
    session = "%7B%22session.id%22%3A%22session-40001%22%7D"
    found = wait_for(lambda: _found(jaeger, f"e2e-shop&tags={session}"), 15, "trace of the session")
    assert len(found) == 9  # ten traces have this number, one of them is without a session


def test_the_shipped_configuration_is_valid(jaeger_binary: Path) -> None:
    run = subprocess.run([ROOT / "scripts/jaeger.sh", "validate"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
