"""``genai-otel demo``: one real pipeline, manual and automatic spans in one trace."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

import genai_otel

QUESTION: Final = "Which lock fits my city commute, and is it in stock?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--endpoint", help="OTLP endpoint to send the trace to, besides showing it here")
    parser.add_argument("--protocol", choices=("http/protobuf", "grpc"), help="OTLP protocol (default http/protobuf)")
    parser.add_argument(
        "--capture-content",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="record prompts, answers, arguments and results (default: yes)",
    )
    parser.add_argument("--base-url", help="use this OpenAI-compatible server instead of the bundled one")
    parser.add_argument("--model", default="gpt-4o-mini", help="chat model (default %(default)s)")
    parser.add_argument("--embedding-model", default="text-embedding-3-small", help="(default %(default)s)")
    parser.add_argument("--question", default=QUESTION, help="what to ask")


def run(arguments: argparse.Namespace) -> int:
    """Run the pipeline, print the tree and a one-line summary."""
    if importlib.util.find_spec("openai") is None:
        print("the demo needs the OpenAI SDK: pip install 'genai-otel[openai]'", file=sys.stderr)
        return 1
    from ..exporters.console import ConsoleTree
    from ._tally import Tally

    tally = Tally()
    tree = ConsoleTree(stream=sys.stdout)
    collector = arguments.endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    genai_otel.configure(
        "genai-otel-demo",
        exporter=[tree, tally, *(["otlp"] if collector else [])],
        endpoint=arguments.endpoint,
        protocol=arguments.protocol,
        capture_content=arguments.capture_content,
    )
    genai_otel.autolog()
    with _server(arguments.base_url) as base_url:
        from .demo_pipeline import Pipeline

        pipeline = Pipeline(
            base_url, arguments.model, arguments.embedding_model, preview=arguments.capture_content
        )
        answer = pipeline.shop_assistant(arguments.question)
    delivered = genai_otel.flush(10_000)
    genai_otel.shutdown()
    _print_summary(tally, answer, collector, delivered)
    return 0


@contextlib.contextmanager
def _server(base_url: str | None) -> Iterator[str]:
    """Yield the URL of the server to use: the given one, or the bundled one while the block runs."""
    if base_url is not None:
        yield base_url
        return
    from ..testing.server import OpenAIServer

    with OpenAIServer() as server:
        yield server.base_url


def _print_summary(tally: Any, answer: str, collector: str | None, delivered: bool) -> None:
    print(f"\nanswer: {answer}")
    where = "shown above"
    if collector:
        where += f", sent to {collector}" if delivered else f", NOT delivered to {collector} (see the log lines)"
    print(f"{tally.spans} spans, {tally.input_tokens} tokens in, {tally.output_tokens} out; {where}.")
