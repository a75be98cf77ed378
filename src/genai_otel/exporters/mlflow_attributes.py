"""The ``mlflow.*`` attributes that MLflow's server and UI read, made from what a span recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from genai_otel.content.encode import to_json
from genai_otel.conventions import attributes as attr

from . import mlflow_limits as limits
from .openai_messages import openai_choices, openai_messages, openai_tools
from .recorded import recorded_list

SPAN_TYPE: Final = "mlflow.spanType"
SPAN_INPUTS: Final = "mlflow.spanInputs"
SPAN_OUTPUTS: Final = "mlflow.spanOutputs"
MESSAGE_FORMAT: Final = "mlflow.message.format"
CHAT_TOOLS: Final = "mlflow.chat.tools"
MODEL: Final = "mlflow.llm.model"
PROVIDER: Final = "mlflow.llm.provider"
OWN_PREFIX: Final = "genai_otel."

# GenAI operation -> span type, for spans that other instrumentations made
_TYPES: Final = {
    "chat": "CHAT_MODEL",
    "generate_content": "LLM",
    "text_completion": "LLM",
    "embeddings": "EMBEDDING",
    "retrieval": "RETRIEVER",
    "execute_tool": "TOOL",
    "create_agent": "AGENT",
    "invoke_agent": "AGENT",
    "invoke_workflow": "WORKFLOW",
    "plan": "PLAN",
    "search_memory": "MEMORY",
}
# what automatic instrumentation calls operations for which there is no span type
_AUTOMATIC: Final = {
    "FETCH_RESPONSE": "LLM",
    "moderations": "GUARDRAIL",
    **dict.fromkeys(
        (
            "images.generate",
            "images.edit",
            "images.create_variation",
            "audio.speech",
            "audio.transcriptions",
            "audio.translations",
            "decisions",
        ),
        "LLM",
    ),
}
_USAGE: Final = {
    attr.USAGE_INPUT_TOKENS: "input_tokens",
    attr.USAGE_OUTPUT_TOKENS: "output_tokens",
    attr.USAGE_CACHE_READ_TOKENS: "cache_read_input_tokens",
    attr.USAGE_CACHE_WRITE_TOKENS: "cache_creation_input_tokens",
}
_MODELS: Final = (attr.RESPONSE_MODEL, attr.REQUEST_MODEL)


def mlflow_attributes(attributes: Mapping[str, Any], span_type: str | None = None) -> dict[str, Any]:
    """Return the attributes as sent to MLflow: the span's own, made acceptable, and the ``mlflow.*`` ones.

    Attributes of our own namespace are left out; ``mlflow.*`` attributes that the span has already win.

    Args:
        attributes: Those of the span.
        span_type: The true type of a span of ours; None derives it from the attributes.
    """
    own = {key: value for key, value in attributes.items() if not key.startswith(OWN_PREFIX)}
    sent: dict[str, Any] = {}
    for key, value in {**dict(_added(own, span_type)), **own}.items():
        accepted = limits.acceptable(key, value)
        if accepted is not None:
            sent[limits.text(key)] = accepted
    return sent


def _added(attributes: Mapping[str, Any], span_type: str | None) -> Iterator[tuple[str, Any]]:
    kind = _span_type(attributes, span_type)
    if kind is not None:
        yield SPAN_TYPE, kind
    for key, sides in ((SPAN_INPUTS, _INPUTS), (SPAN_OUTPUTS, _OUTPUTS)):
        content = _content(attributes, sides)
        if content is not None:
            yield key, content
    if attr.INPUT_MESSAGES in attributes or attr.OUTPUT_MESSAGES in attributes:
        yield MESSAGE_FORMAT, "openai"
    tools = openai_tools(recorded_list(attributes.get(attr.TOOL_DEFINITIONS)))
    if tools:
        yield CHAT_TOOLS, to_json(tools)
    usage = limits.usage({name: attributes[key] for key, name in _USAGE.items() if key in attributes})
    if usage is not None:
        yield limits.TOKEN_USAGE, usage
    model = next((attributes[key] for key in _MODELS if attributes.get(key)), None)
    for key, value in ((MODEL, model), (PROVIDER, attributes.get(attr.PROVIDER_NAME))):
        if value:
            yield key, value


def _span_type(attributes: Mapping[str, Any], span_type: str | None) -> str | None:
    if span_type is not None:
        return _AUTOMATIC.get(span_type, span_type)
    operation = attributes.get(attr.OPERATION_NAME)
    return _TYPES.get(str(operation)) if operation is not None else attributes.get(attr.OPENINFERENCE_KIND)


# --- inputs and outputs -----------------------------------------------------------------------------------
_Reader = Callable[[Mapping[str, Any], Any], Any]


def _content(attributes: Mapping[str, Any], sides: Mapping[str, _Reader]) -> Any:
    key = next((key for key in sides if attributes.get(key) not in (None, "")), None)
    return None if key is None else sides[key](attributes, attributes[key])


def _request(attributes: Mapping[str, Any], value: Any) -> Any:
    messages = recorded_list(attributes.get(attr.INPUT_MESSAGES))
    system = recorded_list(attributes.get(attr.SYSTEM_INSTRUCTIONS))
    return to_json({"messages": openai_messages(messages, system)}) if messages or system else value


def _answer(attributes: Mapping[str, Any], value: Any) -> Any:
    messages = recorded_list(value)
    return to_json({"choices": openai_choices(messages)}) if messages else value


def _documents(attributes: Mapping[str, Any], value: Any) -> Any:
    return to_json([_document(one) for one in recorded_list(value) if isinstance(one, Mapping)])


_ADDRESSES: Final = ("doc_uri", "url", "uri", "source", "filename", "id")


def _document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as MLflow knows it; whatever else it carries becomes its metadata."""
    inner = document.get("metadata")
    metadata = {key: item for key, item in document.items() if key not in ("id", "content", "metadata")}
    if inner is not None:
        metadata.update(inner if isinstance(inner, Mapping) else {"metadata": inner})
    addresses = {**document, **metadata}
    address = next((addresses[key] for key in _ADDRESSES if addresses.get(key)), None)
    if address is not None:
        metadata.setdefault("doc_uri", address)
    shaped = {"page_content": document.get("content", ""), "metadata": metadata}
    return {**shaped, "id": document["id"]} if document.get("id") is not None else shaped


def _as_recorded(attributes: Mapping[str, Any], value: Any) -> Any:
    return value


def _value_of(mime_key: str) -> _Reader:
    """Read text and JSON objects as they are, the JSON of a scalar as that, ``null`` as nothing."""

    def read(attributes: Mapping[str, Any], value: Any) -> Any:
        is_scalar = isinstance(value, str) and value[:1] not in ("{", "[")
        if not is_scalar or attributes.get(mime_key) != "application/json":
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value

    return read


_INPUTS: Final[dict[str, _Reader]] = {
    attr.INPUT_MESSAGES: _request,
    attr.SYSTEM_INSTRUCTIONS: _request,
    attr.TOOL_CALL_ARGUMENTS: _as_recorded,
    attr.RETRIEVAL_QUERY: _as_recorded,
    attr.MEMORY_QUERY: _as_recorded,
    attr.INPUT_VALUE: _value_of(attr.INPUT_MIME_TYPE),
}
_OUTPUTS: Final[dict[str, _Reader]] = {
    attr.OUTPUT_MESSAGES: _answer,
    attr.TOOL_CALL_RESULT: _as_recorded,
    attr.RETRIEVAL_DOCUMENTS: _documents,
    attr.MEMORY_RECORDS: _as_recorded,
    attr.OUTPUT_VALUE: _value_of(attr.OUTPUT_MIME_TYPE),
}
