"""Draws the picture of ``docs/performance.md`` from results: ``python -m benchmarks.picture results.json OUT.svg``."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CASES = ("sync", "10 kB", "block", "chat", "stream of 1000, chunk")
_TITLES = ("decorated call", "10 kB in and out", "context manager", "chat call", "streamed chunk")
_NAMES = ("genai_otel", "genai_openai", "openinference", "traceloop", "logfire", "langfuse", "mlflow")
_CURVES = {
    "payload, kB (µs a call)": (("1 kB", 1), ("10 kB", 10), ("100 kB", 100), ("1 MB", 1_000)),
    "depth (µs a span)": (("depth 1", 1), ("depth 10", 10), ("depth 100", 100)),
    "chunks (µs a chunk)": (
        ("stream of 100, chunk", 100),
        ("stream of 1000, chunk", 1_000),
        ("stream of 10000, chunk", 10_000),
    ),
}
_OURS, _OTHERS, _INK = "#2563eb", "#cbd5e1", "#334155"
_WIDTH, _ROW, _LEFT = 920, 15, 120
_STYLE = (
    "<style>text{font:11px sans-serif;fill:#334155}.t{font-weight:bold}"
    "@media(prefers-color-scheme:dark){text{fill:#e2e8f0}.o{fill:#475569}}</style>"
)


def above(cases: dict[str, Any], case: str, name: str) -> float | None:
    """Return the median cost above the un-instrumented path, or None where it was not measured."""
    taken = cases.get(case, {})
    values = [one["cpu"] for one in taken.get(name, []) if "error" not in one]
    bare = [one["cpu"] for one in taken.get("none", []) if "error" not in one]
    if not values or any(one["arrived"] < one["expected"] for one in taken[name] if "error" not in one):
        return None
    return statistics.median(values) - (statistics.median(bare) if bare else 0.0)


def draw(cases: dict[str, Any]) -> str:
    """Return the picture: ratios to the floor as bars on a logarithmic scale, and three curves."""
    bars, height = _bars(cases)
    curves = _curves(cases, height + 50)
    total = height + 240
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{total}" viewBox="0 0 {_WIDTH} {total}">'
    return "\n".join([head, _STYLE, *bars, *curves, "</svg>"]) + "\n"


def _bars(cases: dict[str, Any]) -> tuple[list[str], int]:
    found = [_text(10, 18, "Cost of content-on tracing as a multiple of spans written by hand (1×)", "t")]
    y, one = 30, _x(1.0)
    for case, title in zip(_CASES, _TITLES, strict=True):
        floor = above(cases, case, "floor")
        y += 18
        found.append(_text(10, y, title, "t"))
        for name in _NAMES:
            cost = above(cases, case, name)
            if cost is None or floor is None or floor <= 0:
                continue
            y += _ROW
            ratio = max(cost / floor, 0.1)
            left, right = sorted((one, _x(ratio)))
            kind, colour = ("u", _OURS) if name == "genai_otel" else ("o", _OTHERS)
            found.append(_text(20, y, name))
            found.append(
                f'<rect class="{kind}" x="{left:.0f}" y="{y - 9}" width="{max(right - left, 2):.0f}" height="10" '
                f'fill="{colour}"/>'
            )
            found.append(_text(right + 5, y, f"{cost / floor:.2g}×"))
        y += 6
    found.append(
        f'<line x1="{one:.0f}" x2="{one:.0f}" y1="32" y2="{y}" stroke="{_INK}" stroke-dasharray="3 3"/>'
    )
    return found, y


def _x(ratio: float) -> float:
    return _LEFT + (math.log10(ratio) + 1) / 4 * (_WIDTH - _LEFT - 60)


def _curves(cases: dict[str, Any], top: int) -> list[str]:
    found = [
        _text(10, top - 18, "µs above the bare call, on logarithmic scales. Blue: genai_otel, grey: by hand")
    ]
    wide = _WIDTH / len(_CURVES)
    for place, (title, points) in enumerate(_CURVES.items()):
        left = place * wide + 40
        found.append(_text(left, top, title, "t"))
        series = {name: _series(cases, points, name) for name in ("floor", "genai_otel")}
        flat = [y for line in series.values() for _, y in line if y > 0]
        if flat:
            scale = (min(flat) / 1.5, max(flat) * 1.5)
            for name, line in series.items():
                found += _line(name, line, (left, wide - 90, top + 20, 130), scale)
    return found


def _series(cases: dict[str, Any], points: Iterable[tuple[str, int]], name: str) -> list[tuple[float, float]]:
    known = [(x, above(cases, case, name)) for case, x in points]
    return [(float(x), y) for x, y in known if y is not None and y > 0]


def _line(
    name: str,
    line: list[tuple[float, float]],
    box: tuple[float, float, float, float],
    scale: tuple[float, float],
) -> list[str]:
    left, width, top, height = box
    low, high = math.log10(scale[0]), math.log10(scale[1])
    first, last = math.log10(line[0][0]), math.log10(line[-1][0])
    places = [
        (
            left + (math.log10(x) - first) / (last - first or 1) * width,
            top + height - (math.log10(y) - low) / (high - low) * height,
        )
        for x, y in line
    ]
    colour, shift = (_OURS, 12) if name == "genai_otel" else ("#94a3b8", -6)
    path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    found = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for (x, y), (size, cost) in zip(places, line, strict=True):
        found.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{colour}"/>')
        found.append(_text(x - 8, y + shift, f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"))
        if name == "floor":
            found.append(_text(x - 8, top + height + 18, f"{size:g}"))
    return found


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{text}</text>'


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.write_text(draw(json.loads(source.read_text())["on"]))


if __name__ == "__main__":
    main()
