"""Who is measured: the adapter, what has to be installed for it, and which modes it has."""

from __future__ import annotations

from dataclasses import dataclass

_SDK = ("opentelemetry-sdk", "openai>=3,<4")


@dataclass(frozen=True, slots=True)
class Contender:
    """One adapter in one virtual environment; ``here`` means this checkout's own environment."""

    name: str
    requirements: tuple[str, ...] = ()
    here: bool = False


CONTENDERS = (
    Contender("none", here=True),
    Contender("floor", here=True),
    Contender("genai_otel", here=True),
    Contender("genai_openai", (*_SDK, "opentelemetry-instrumentation-genai-openai==1.3b0")),
    Contender("openinference", (*_SDK, "openinference-instrumentation-openai")),
    Contender("traceloop", (*_SDK, "opentelemetry-instrumentation-openai")),
    Contender("logfire", (*_SDK, "logfire")),
    Contender("langfuse", (*_SDK, "langfuse")),
    Contender("mlflow", (*_SDK, "mlflow>=3,<4")),  # mlflow-tracing alone makes no spans of the OpenAI SDK
)
