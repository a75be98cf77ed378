"""``python -m tests.matrix [version ...]``: run the matrix, or those cells whose name contains a version given."""

from __future__ import annotations

import sys
from collections import Counter
from time import monotonic

from .environments import CELLS, Unavailable, run


def main(wanted: list[str]) -> int:
    """Print one line per cell and every row that is not right; the exit code is 1 if there is one."""
    wrong = 0
    begin = monotonic()
    for cell in CELLS:
        if wanted and not any(part in str(cell) for part in wanted):
            continue
        started = monotonic()
        try:
            found = run(cell)
        except Unavailable as exc:
            print(f"{cell!s:32} left out: {exc}")
            continue
        except AssertionError as exc:
            print(f"{cell!s:32} did not run: {exc}")
            wrong += 1
            continue
        rows = found["rows"]
        counted = Counter(result.partition(":")[0] for result in rows.values())
        what = f"openai {found['openai']}, Python {found['python']}"
        print(f"{cell!s:32} {what:32} {dict(counted)} in {monotonic() - started:.1f} s")
        for name, result in rows.items():
            if result not in ("ok", "absent"):
                print(f"    {name}: {result}")
                wrong += 1
        if found["noise"]:
            print(f"    printed: {found['noise'].strip()[:500]}")
            wrong += 1
    print(f"{monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
