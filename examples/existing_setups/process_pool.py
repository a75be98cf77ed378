"""A process pool, without any instrumentation of it: the headers of the trace travel with the work.

``OTEL_EXPORTER_OTLP_ENDPOINT`` says where spans go, of this process and of the pool's.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import openai

import genai_otel


def start_worker() -> None:
    """Each process of the pool has a set-up of its own."""
    genai_otel.configure("pool")
    genai_otel.autolog()


def work(question: str, headers: dict[str, str]) -> str:
    """Run in a process of the pool."""
    with genai_otel.extract_headers(headers):
        answer = ask(question)
    genai_otel.flush()  # the processes of a pool end without running exit handlers
    return answer


@genai_otel.trace(span_type="TASK")
def ask(question: str) -> str:
    """Ask the model."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""


def main() -> None:
    """Ask two questions side by side, in one trace."""
    genai_otel.configure("shop")
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(2, mp_context=context, initializer=start_worker) as pool,
        genai_otel.context(session_id="s-1", propagate=True),
        genai_otel.start_span("batch", span_type="CHAIN"),
    ):
        headers = genai_otel.inject_headers()
        for answer in [
            pool.submit(work, question, headers) for question in ("Is the lock in stock?", "And the key?")
        ]:
            print(answer.result())


if __name__ == "__main__":
    main()
