"""Measure everything: ``python -m benchmarks [--only NAME ...] [--cases TEXT ...] [--rounds N]``.

All contenders of a mode run at the same time, one process each, and are asked in turn, round after round: a change in
the machine's speed hits all of them alike. Reported are medians over the rounds, quartiles, and the ratio to the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report, startup
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.environments import python_for

ROOT = Path(__file__).resolve().parents[1]
_DECORATED = ["sync", "10 kB", "async", "generator item", "block"]
_SHAPES = [
    "1 kB",
    "100 kB",
    "1 MB",
    "client",
    "depth 1",
    "depth 10",
    "depth 100",
    "1 threads",
    "8 threads",
    "1 tasks",
    "1000 tasks",
]
_SDK = ["chat", "stream of 1000, chunk", "embeddings 100 x 1536"]
PLAN: dict[str, list[str]] = {
    "on": [
        *_DECORATED,
        *_SHAPES,
        *_SDK,
        "stream of 100, chunk",
        "stream of 10000, chunk",
        "stream memory, bytes a chunk",
        "wire, bytes a span",
    ],
    "off": [*_DECORATED, *_SDK, "stream memory, bytes a chunk", "wire, bytes a span"],
    "unsampled": [*_DECORATED, "chat", "stream of 1000, chunk"],
    "suppressed": ["sync", "chat"],
    "noprovider": [*_DECORATED, "chat", "stream of 1000, chunk"],
}


def environment_of(contender: Contender) -> dict[str, str]:
    """Return the environment variables of a contender's process."""
    path = f"{ROOT}{os.pathsep}{ROOT / 'src'}" if contender.here else str(ROOT)
    return {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}


class Worker:
    """One contender in one mode."""

    def __init__(self, contender: Contender, python: str, mode: str) -> None:
        self.name = contender.name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", contender.name, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment_of(contender),
            cwd=ROOT,
        )
        self.alive = bool(self._read())

    def ask(self, case: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(case + "\n")
        self._process.stdin.flush()
        return self._read() or {"error": "the process died"}

    def _read(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        for line in self._process.stdout:  # contenders may print banners
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        return None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[contender.name for contender in CONTENDERS])
    parser.add_argument("--modes", nargs="*", default=list(PLAN))
    parser.add_argument("--cases", nargs="*", help="only cases whose name contains one of these")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, help="folder for results.json and results.md")
    arguments = parser.parse_args()
    pythons = {
        contender: python
        for contender in CONTENDERS
        if contender.name in arguments.only and (python := python_for(contender)) is not None
    }
    results: dict[str, Any] = {}
    for mode in arguments.modes:
        wanted = [
            case
            for case in PLAN[mode]
            if not arguments.cases or any(part in case for part in arguments.cases)
        ]
        results[mode] = measure(pythons, mode, wanted, arguments.rounds)
    if not arguments.cases or "startup" in arguments.cases:
        results["startup"] = measure_startup(pythons, arguments.rounds)
    text = report.tables(results)
    print(text)
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "results.json").write_text(json.dumps(results, indent=1))
        (arguments.output / "results.md").write_text(text)
    return 0


def measure(pythons: dict[Contender, str], mode: str, cases: list[str], rounds: int) -> dict[str, Any]:
    """Return case -> contender -> list of measurements."""
    workers = [Worker(contender, python, mode) for contender, python in pythons.items()]
    results: dict[str, Any] = {}
    try:
        for case in cases:
            print(f"{mode}: {case}", file=sys.stderr, flush=True)
            taken: dict[str, list[dict[str, Any]]] = {worker.name: [] for worker in workers}
            for turn in range(rounds + 1):
                for worker in workers:
                    known = taken[worker.name]
                    if not worker.alive or (known and "error" in known[-1]):
                        continue
                    answer = worker.ask(case)
                    if turn > 0 or "error" in answer:  # the first round warms up
                        known.append(answer)
            results[case] = taken
    finally:
        for worker in workers:
            worker.stop()
    return results


def measure_startup(pythons: dict[Contender, str], rounds: int) -> dict[str, Any]:
    """Return step -> contender -> milliseconds, each in a fresh process."""
    steps: dict[str, dict[str, list[float]]] = {"import": {}, "first use": {}, "instrument": {}}
    for turn in range(rounds + 1):
        print(f"startup: {turn}", file=sys.stderr, flush=True)
        for contender, python in pythons.items():
            answer = startup.asked(python, contender.name, environment_of(contender), str(ROOT))
            for step, taken in steps.items():
                if turn > 0 and isinstance(answer.get(step), float):  # the first round warms the disk up
                    taken.setdefault(contender.name, []).append(answer[step])
    return steps


if __name__ == "__main__":
    sys.exit(main())
