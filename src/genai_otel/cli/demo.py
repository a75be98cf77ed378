"""``genai-otel demo``: one real pipeline, manual and automatic spans in one trace."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import genai_otel

if TYPE_CHECKING:
    from ._tally import Tally

QUESTION: Final = "Which lock for my city bike, and do you have one?"
_WITHOUT_SDK: Final = """the demo needs the OpenAI SDK, one of:
  pip install 'genai-otel[openai]'
  uvx --from 'genai-otel[openai]' genai-otel demo
  pipx run --spec 'genai-otel[openai]' genai-otel demo"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--endpoint", help="OTLP endpoint to send the trace to, besides showing it here")
    parser.add_argument(
        "--protocol", choices=("http/protobuf", "grpc"), help="OTLP protocol (default http/protobuf)"
    )
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
        print(_WITHOUT_SDK, file=sys.stderr)
        return 1
    from ._tally import Tally

    tally = Tally()
    collector = arguments.endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    genai_otel.configure(
        "genai-otel-demo",
        exporter=[tally, "otlp"] if collector else [tally],
        endpoint=arguments.endpoint,
        protocol=arguments.protocol,
        capture_content=arguments.capture_content,
    )
    genai_otel.autolog()
    answer = _answer(arguments)
    delivered = genai_otel.flush(10_000)
    genai_otel.shutdown()
    _show(tally, answer, collector, delivered)
    return 0 if delivered else 1


def _answer(arguments: argparse.Namespace) -> str:
    with _server(arguments.base_url) as base_url:
        from .demo_pipeline import Pipeline

        pipeline = Pipeline(
            base_url, arguments.model, arguments.embedding_model, preview=arguments.capture_content
        )
        return pipeline.shop_assistant(arguments.question)


@contextlib.contextmanager
def _server(base_url: str | None) -> Iterator[str]:
    """Yield the URL of the server to use: the given one, or the bundled one while the block runs."""
    if base_url is not None:
        yield base_url
        return
    from ..testing.server import OpenAIServer

    with OpenAIServer() as server:
        yield server.base_url


def _show(tally: Tally, answer: str, collector: str | None, delivered: bool) -> None:
    from ..exporters.console import render
    from ..exporters.terminal import wants_color

    print(render(tally.spans, color=wants_color(sys.stdout)))
    print(f"answer: {answer}")
    where = "shown above"
    if collector:
        where += f" and sent to {collector}" if delivered else f", but {collector} did not take it"
    tokens_in, tokens_out = tally.tokens()
    print(f"{len(tally.spans)} spans, {tokens_in} tokens in, {tokens_out} out: {where}.")
