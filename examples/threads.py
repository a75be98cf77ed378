"""Threads: the worker's spans belong to the trace of whoever gave it the work.

A plain thread starts with an empty context, and so with a trace of its own. `genai_otel.ThreadPoolExecutor` carries
the context for every `submit` and `map`; `genai_otel.propagate(fn)` does it for one callable, in any kind of thread.
"""

from __future__ import annotations

import threading
import time

import genai_otel
from genai_otel import SpanType

genai_otel.configure("threads", capture_content=True)


@genai_otel.trace(span_type=SpanType.TOOL)
def weather(city: str) -> dict[str, object]:
    time.sleep(0.01)
    return {"city": city, "degrees": 12 + len(city)}


@genai_otel.trace(span_type=SpanType.TASK)
def remember(cities: list[str]) -> None:
    genai_otel.update_current_trace(tags={"cities": len(cities)})  # also from here, it lands on the trace


@genai_otel.trace
def forecast(cities: list[str]) -> list[dict[str, object]]:
    with genai_otel.ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(weather, cities))
    thread = threading.Thread(target=genai_otel.propagate(remember), args=(cities,))
    thread.start()
    thread.join()
    return found


if __name__ == "__main__":
    for report in forecast(["Hamburg", "Kiel", "Bremen"]):
        print(f"{report['city']}: {report['degrees']} degrees")
