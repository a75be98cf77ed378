"""Metric names, units and bucket boundaries, in both dialects.

``compat`` is what today's tools read; ``latest`` is the newest text of the conventions. One table holds both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

_LATENCY: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(float(4**power) for power in range(14))
_AGENT: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
_CALLS: Final = tuple(float(2**power) for power in range(8))
_WORKFLOW: Final = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)


class Dialect(Enum):
    """Which metric names are emitted."""

    COMPAT = "compat"
    LATEST = "latest"
    BOTH = "both"

    @property
    def compat(self) -> bool:
        return self is not Dialect.LATEST

    @property
    def latest(self) -> bool:
        return self is not Dialect.COMPAT


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric as the conventions define it; ``buckets`` is None for a counter."""

    name: str
    unit: str
    description: str
    buckets: tuple[float, ...] | None = None


def _seconds(name: str, description: str, buckets: tuple[float, ...] = _LATENCY) -> Instrument:
    return Instrument(name, "s", description, buckets)


def _token_counter(kind: str) -> Instrument:
    return Instrument(
        f"gen_ai.client.inference.usage.{kind}", "{token}", f"Number of {kind.replace('_', ' ')} used."
    )


# --- what today's tools read ------------------------------------------------------------------------------
OPERATION_DURATION: Final = _seconds("gen_ai.client.operation.duration", "GenAI operation duration.")
TOKEN_USAGE: Final = Instrument(
    "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKENS
)
TIME_TO_FIRST_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_to_first_chunk", "Time from the request to the first chunk of the stream."
)
TIME_PER_OUTPUT_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_per_output_chunk", "Time between consecutive chunks of the stream."
)

# --- newest text -------------------------------------------------------------------------------------------
INFERENCE_DURATION: Final = _seconds("gen_ai.client.inference.duration", "GenAI inference duration.")
INFERENCE_TIME_TO_FIRST_CHUNK: Final = _seconds(
    "gen_ai.client.inference.time_to_first_chunk", "Time from the request to the first chunk of the stream."
)
INFERENCE_TIME_PER_OUTPUT_CHUNK: Final = _seconds(
    "gen_ai.client.inference.time_per_output_chunk", "Time between consecutive chunks of the stream."
)
INPUT_TOKEN_COUNT: Final = _token_counter("input_tokens")
OUTPUT_TOKEN_COUNT: Final = _token_counter("output_tokens")
CACHE_READ_TOKEN_COUNT: Final = _token_counter("cache_read.input_tokens")
CACHE_WRITE_TOKEN_COUNT: Final = _token_counter("cache_write.input_tokens")
REASONING_TOKEN_COUNT: Final = _token_counter("reasoning.output_tokens")
INPUT_TOKENS: Final = Instrument(
    "gen_ai.client.inference.operation.input_tokens", "{token}", "Input tokens per inference call.", _TOKENS
)
OUTPUT_TOKENS: Final = Instrument(
    "gen_ai.client.inference.operation.output_tokens", "{token}", "Output tokens per inference call.", _TOKENS
)

# --- the same in both --------------------------------------------------------------------------------------
AGENT_DURATION: Final = _seconds(
    "gen_ai.invoke_agent.duration", "Duration of an in-process agent invocation.", _AGENT
)
AGENT_INFERENCE_CALLS: Final = Instrument(
    "gen_ai.invoke_agent.inference_calls",
    "{inference_call}",
    "Model calls issued by one agent invocation.",
    _CALLS,
)
AGENT_TOOL_CALLS: Final = Instrument(
    "gen_ai.invoke_agent.tool_calls", "{tool_call}", "Tool calls executed by one agent invocation.", _CALLS
)
TOOL_DURATION: Final = _seconds("gen_ai.execute_tool.duration", "Duration of a tool execution.")
WORKFLOW_DURATION: Final = _seconds(
    "gen_ai.invoke_workflow.duration", "Duration of a workflow invocation.", _WORKFLOW
)
