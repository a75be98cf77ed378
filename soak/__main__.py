"""``python -m soak``: run the load, print a table and JSON; the exit code is 1 where a promise was broken."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

# small, so that a short run sees full queues and given-up batches too; to be set before the SDK reads them
_SMALL = {
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BSP_MAX_QUEUE_SIZE": "512",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "128",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    "OTEL_METRIC_EXPORT_INTERVAL": "2000",
}
os.environ.update(_SMALL)

from opentelemetry import trace  # noqa: E402

import genai_otel  # noqa: E402
from genai_otel import _configure  # noqa: E402
from soak import measures  # noqa: E402
from soak.load import Load  # noqa: E402

# how often everything is done before it counts: imports, pools and caches
_WARM = 3
# a run of fewer seconds has a collector that changes its mood so much faster
_UNHURRIED = 60.0


@contextmanager
def process(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves until it is told to stop, and its first line."""
    server = subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server, server.stdout.readline()
    finally:
        server.kill()
        server.wait()


def told(server: subprocess.Popen[str], what: str) -> dict[str, Any]:
    """Tell the collector something; returns what it has received so far."""
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(f"{what}\n")
    server.stdin.flush()
    answer: dict[str, Any] = json.loads(server.stdout.readline())
    return answer


def soak(seconds: float) -> dict[str, Any]:
    """Run the load for so long; returns everything that was measured, and the promises broken."""
    logged = measures.Logged()
    logging.getLogger().addHandler(logged)
    tracemalloc.start()
    with (
        process("soak.collector", f"{max(1.0, _UNHURRIED / seconds):.1f}") as (collector, port),
        process("genai_otel.testing.server", "--port", "0") as (_, line),
    ):
        genai_otel.configure("soak", endpoint=f"http://127.0.0.1:{port.strip()}", capture_content=True)
        genai_otel.autolog()
        created = measures.Created()
        trace.get_tracer_provider().add_span_processor(created)  # type: ignore[attr-defined]
        load = Load(line.split(" on ")[1].split()[0])
        load.start()
        load.warm_up(_WARM, max(seconds, 20.0))
        samples = _watch(seconds)
        load.stop()
        told(collector, "steady")
        gc.collect()  # ends the streams that were dropped
        delivered_in_time = _flushed()
        (counts,), total = _configure.describe()["counts"], created.total
        received = told(collector, "count")
        idle = measures.sample()  # nothing waits in a queue any more
        load.close()
    warm, end = (measures.lowest(part) for part in _compared(samples))
    end = replace(end, traced_mb=min(end.traced_mb, idle.traced_mb))
    broken = measures.grown(warm, end) + measures.unaccounted(total, counts, received)
    broken += [f"{number} x {error}" for error, number in load.tally.errors.items()] + logged.internal
    broken += [] if delivered_in_time else ["the last flush failed"]
    return {
        "seconds": seconds,
        "operations": dict(load.tally.done),
        "spans": {"created": total, **counts},
        "collector": received,
        "after_warm_up": asdict(warm),
        "at_the_end": asdict(end),
        "log_lines": dict(logged.lines),
        "samples": [asdict(one) for one in samples],
        "broken": broken,
    }


def _watch(seconds: float) -> list[measures.Sample]:
    samples, until = [], time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, max(seconds / 60, 0.25)))
        samples.append(measures.sample())
    return samples


def _compared(samples: list[measures.Sample]) -> tuple[list[measures.Sample], list[measures.Sample]]:
    """Return those of the beginning, when everything had been done a few times, and those of the end."""
    few = max(len(samples) // 5, 1)
    return samples[:few], samples[-few:]


def _flushed() -> bool:
    """Flush until everything was sent; what waits behind a batch that failed takes another one."""
    return any(genai_otel.flush(20_000) for _ in range(5))


def table(result: dict[str, Any]) -> str:
    """Return the figures as text."""
    warm, end, spans = result["after_warm_up"], result["at_the_end"], result["spans"]
    lines = [f"{'':14}{'after warm-up':>16}{'at the end':>16}{'allowed':>12}"]
    for name, most in measures.ALLOWED.items():
        lines.append(f"{name:14}{warm[name]:16.1f}{end[name]:16.1f}{f'+{most}':>12}")
    done = sum(result["operations"].values())
    lines += [
        "",
        f"{done} operations in {result['seconds']:.0f} s, {spans['created']} spans created: "
        f"{spans['delivered']} delivered, {spans['lost']} lost with a batch, {spans['dropped']} dropped unsent",
        *(f"BROKEN: {one}" for one in result["broken"]),
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the load runs (default 120)")
    parser.add_argument("--json", metavar="FILE", help="write the figures, with every sample, to this file")
    arguments = parser.parse_args()
    result = soak(arguments.seconds)
    sys.stderr.write(table(result) + "\n")
    text = json.dumps(result)
    sys.stdout.write(json.dumps({key: value for key, value in result.items() if key != "samples"}) + "\n")
    if arguments.json:
        with open(arguments.json, "w") as file:
            file.write(text)
    return int(bool(result["broken"]))


if __name__ == "__main__":
    sys.exit(main())
