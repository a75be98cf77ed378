"""``python -m tests.fuzz --minutes 5``: all fuzzers, round after round with new seeds, until the time is over."""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parent
_TRIED = re.compile(r"(\d+) passing.*?(\d+) failing.*?(\d+) invalid")


def one_round(seed: int, factor: int, extra: list[str]) -> tuple[int, int]:
    """Run every fuzzer once; returns the exit status and how many examples were tried."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(_HERE), "-q", "-p", "no:cacheprovider"),
            *("--hypothesis-show-statistics", f"--hypothesis-seed={seed}", *extra),
        ],
        env={**os.environ, "FUZZ_FACTOR": str(factor)},
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        print(done.stdout)
    return done.returncode, sum(int(passing) for passing, _, _ in _TRIED.findall(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--factor", type=int, default=4, help="examples per round, times those of the suite")
    arguments, extra = parser.parse_known_args()
    until, rounds, total = time.monotonic() + arguments.minutes * 60, 0, 0
    while time.monotonic() < until:
        seed = random.getrandbits(32)
        status, tried = one_round(seed, arguments.factor, extra)
        rounds, total = rounds + 1, total + tried
        print(f"round {rounds}: seed {seed}, {tried} examples, {total} in all", flush=True)
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
