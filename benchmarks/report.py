"""Tables of the results, in Markdown."""

from __future__ import annotations

import statistics
from typing import Any

_RAW = ("memory", "wire")  # cases in bytes: nothing to subtract


def tables(results: dict[str, Any]) -> str:
    """Return one table a mode: cost above the un-instrumented path, quartiles, ratio to the floor."""
    modes = [_table(mode, cases) for mode, cases in results.items() if mode != "startup"]
    return "\n\n".join([*modes, *([_startup(results["startup"])] if "startup" in results else [])])


def _startup(steps: dict[str, dict[str, list[float]]]) -> str:
    names = [name for name in steps["import"] if name != "none"]
    lines = ["### start-up, ms", "", "| step | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for step, taken in steps.items():
        lines.append(
            f"| {step} | " + " | ".join(_spread(sorted(taken.get(name, []))) for name in names) + " |"
        )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    low, high = values[len(values) // 4], values[-1 - len(values) // 4]
    return f"{_number(statistics.median(values))} [{_number(low)}–{_number(high)}]"


def _table(mode: str, cases: dict[str, Any]) -> str:
    names = [name for name in next(iter(cases.values()), {}) if name != "none"]
    lines = [
        f"### {mode}",
        "",
        "| case | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for case, taken in cases.items():
        bare = 0.0 if any(word in case for word in _RAW) else _median(taken.get("none", [])) or 0.0
        floor = _above(taken.get("floor", []), bare)
        cells = [_cell(taken[name], bare, floor, mode) for name in names]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(measured: list[dict[str, Any]], bare: float, floor: float | None, mode: str) -> str:
    values = sorted(one["cpu"] - bare for one in measured if "error" not in one)
    if not values:
        return "–"
    last = measured[-1]
    lost = mode in ("on", "off") and last["expected"] and last["arrived"] < last["expected"]
    if lost:
        return f"exported {last['arrived']} of {last['expected']} spans"
    middle = statistics.median(values)
    low, high = values[len(values) // 4], values[-1 - len(values) // 4]
    ratio = f" **{middle / floor:.2f}×**" if floor is not None and floor > 0.05 else ""
    return f"{_number(middle)} [{_number(low)}–{_number(high)}]{ratio}"


def _median(measured: list[dict[str, Any]]) -> float | None:
    values = [one["cpu"] for one in measured if "error" not in one]
    return statistics.median(values) if values else None


def _above(measured: list[dict[str, Any]], bare: float) -> float | None:
    middle = _median(measured)
    return None if middle is None else middle - bare


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.2f}"
