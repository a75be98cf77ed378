"""The OpenInference attributes that Phoenix reads, made from what a span recorded.

https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from genai_otel.content.encode import to_json
from genai_otel.conventions import attributes as attr

from .openai_messages import openai_choices, openai_messages, openai_tools
from .openinference_messages import flat_messages, single_text
from .recorded import recorded, recorded_list

_TEXT: Final = "text/plain"
_JSON: Final = "application/json"
_Pairs = Iterator[tuple[str, Any]]

# span type of ours, or operation of other instrumentations -> kind
_KINDS: Final = {
    **dict.fromkeys(("LLM", "CHAT_MODEL", "COMPLETION", "FETCH_RESPONSE"), "LLM"),
    **dict.fromkeys(("chat", "text_completion", "generate_content", "fetch_response"), "LLM"),
    **dict.fromkeys(("images.generate", "images.edit", "images.create_variation"), "LLM"),
    **dict.fromkeys(("audio.speech", "audio.transcriptions", "audio.translations"), "LLM"),
    **dict.fromkeys(("EMBEDDING", "embeddings"), "EMBEDDING"),
    **dict.fromkeys(("RETRIEVER", "retrieval", "search_memory"), "RETRIEVER"),
    **dict.fromkeys(("TOOL", "execute_tool"), "TOOL"),
    **dict.fromkeys(("AGENT", "invoke_agent", "create_agent"), "AGENT"),
    "moderations": "GUARDRAIL",
}
_OTHER_KIND: Final = "CHAIN"
# provider -> (llm.provider, llm.system)
_PROVIDERS: Final = {
    "openai": ("openai", "openai"),
    "azure.ai.openai": ("azure", "openai"),
    "azure.ai.inference": ("azure", None),
    "anthropic": ("anthropic", "anthropic"),
    "aws.bedrock": ("aws", None),
    "cohere": ("cohere", "cohere"),
    "deepseek": ("deepseek", None),
    "gcp.gemini": ("google", None),
    "gcp.gen_ai": ("google", None),
    "gcp.vertex_ai": ("google", "vertexai"),
    "groq": ("groq", None),
    "mistral_ai": ("mistralai", "mistralai"),
    "perplexity": ("perplexity", None),
    "x_ai": ("xai", None),
}
_COUNTS: Final = {
    attr.USAGE_INPUT_TOKENS: "llm.token_count.prompt",
    attr.USAGE_OUTPUT_TOKENS: "llm.token_count.completion",
    attr.USAGE_CACHE_READ_TOKENS: "llm.token_count.prompt_details.cache_read",
    attr.USAGE_CACHE_WRITE_TOKENS: "llm.token_count.prompt_details.cache_write",
    attr.USAGE_REASONING_TOKENS: "llm.token_count.completion_details.reasoning",
    attr.USAGE_AUDIO_INPUT_TOKENS: "llm.token_count.prompt_details.audio",
    attr.USAGE_AUDIO_OUTPUT_TOKENS: "llm.token_count.completion_details.audio",
}
_TOOL: Final = {
    attr.TOOL_NAME: "tool.name",
    attr.TOOL_DESCRIPTION: "tool.description",
    attr.TOOL_CALL_ID: "tool.id",
    attr.TOOL_CALL_ARGUMENTS: "tool.parameters",
}
_REQUEST: Final = "gen_ai.request."


def openinference_attributes(attributes: Mapping[str, Any], span_type: str | None = None) -> dict[str, Any]:
    """Return the span's attributes with OpenInference's beside them; those that the span has already win.

    Spans that have nothing to do with GenAI stay as they are.

    Args:
        attributes: Those of the span.
        span_type: The true type of a span of ours; None derives it from the attributes.
    """
    kind = _kind(attributes, span_type)
    if kind is None:
        return dict(attributes)
    makers = (*_MAKERS.get(kind, ()), *_ALWAYS)
    added = {key: value for make in makers for key, value in make(attributes) if value is not None}
    return {attr.OPENINFERENCE_KIND: kind, **added, **attributes}


def _kind(attributes: Mapping[str, Any], span_type: str | None) -> str | None:
    kind = attributes.get(attr.OPENINFERENCE_KIND)
    if kind is not None:
        return str(kind)
    operation = attributes.get(attr.OPERATION_NAME)
    if span_type is None and operation is None:
        return None
    return _KINDS.get(span_type or "") or _KINDS.get(str(operation)) or _OTHER_KIND


# --- inputs and outputs -----------------------------------------------------------------------------------
def _input(attributes: Mapping[str, Any]) -> _Pairs:
    if attr.INPUT_MESSAGES in attributes or attr.SYSTEM_INSTRUCTIONS in attributes:
        shaped = _request(attributes)
        yield from _value("input", single_text(shaped) or to_json({"messages": shaped}))
        return
    for key in (attr.TOOL_CALL_ARGUMENTS, attr.RETRIEVAL_QUERY, attr.MEMORY_QUERY):
        if key in attributes:
            yield from _value("input", attributes[key])


def _output(attributes: Mapping[str, Any]) -> _Pairs:
    if attr.OUTPUT_MESSAGES in attributes:
        choices = openai_choices(recorded_list(attributes[attr.OUTPUT_MESSAGES]))
        text = single_text([choice["message"] for choice in choices])
        yield from _value("output", text or to_json({"choices": choices}))
        return
    for key in (attr.TOOL_CALL_RESULT, attr.RETRIEVAL_DOCUMENTS, attr.MEMORY_RECORDS):
        if key in attributes:
            yield from _value("output", attributes[key])


def _value(side: str, value: Any) -> _Pairs:
    yield f"{side}.value", value
    yield f"{side}.mime_type", _JSON if isinstance(recorded(value), (dict, list)) else _TEXT


def _request(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return openai_messages(
        recorded_list(attributes.get(attr.INPUT_MESSAGES)),
        recorded_list(attributes.get(attr.SYSTEM_INSTRUCTIONS)),
    )


# --- by kind ----------------------------------------------------------------------------------------------
def _messages(attributes: Mapping[str, Any]) -> _Pairs:
    yield from flat_messages("llm.input_messages", _request(attributes))
    choices = openai_choices(recorded_list(attributes.get(attr.OUTPUT_MESSAGES)))
    yield from flat_messages("llm.output_messages", [choice["message"] for choice in choices])
    for index, tool in enumerate(openai_tools(recorded_list(attributes.get(attr.TOOL_DEFINITIONS)))):
        yield f"llm.tools.{index}.tool.json_schema", to_json(tool)


def _model(attributes: Mapping[str, Any]) -> _Pairs:
    yield "llm.model_name", attributes.get(attr.RESPONSE_MODEL) or attributes.get(attr.REQUEST_MODEL)
    name = attributes.get(attr.PROVIDER_NAME)
    provider, system = _PROVIDERS.get(str(name), (name, None))
    yield "llm.provider", provider
    yield "llm.system", system
    yield "llm.invocation_parameters", _parameters(attributes)
    reasons = attributes.get(attr.RESPONSE_FINISH_REASONS)
    yield "llm.finish_reason", reasons[0] if reasons else None


def _parameters(attributes: Mapping[str, Any]) -> str | None:
    given = {key[len(_REQUEST) :]: value for key, value in attributes.items() if key.startswith(_REQUEST)}
    given.pop("model", None)
    return to_json(given) if given else None


def _counts(attributes: Mapping[str, Any]) -> _Pairs:
    for key, name in _COUNTS.items():
        yield name, attributes.get(key)
    known = [attributes.get(key) for key in (attr.USAGE_INPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS)]
    if any(count is not None for count in known):
        yield "llm.token_count.total", sum(count or 0 for count in known)


def _embeddings(attributes: Mapping[str, Any]) -> _Pairs:
    yield "embedding.model_name", attributes.get(attr.RESPONSE_MODEL) or attributes.get(attr.REQUEST_MODEL)
    yield "embedding.invocation_parameters", _parameters(attributes)
    value = attributes.get(attr.INPUT_VALUE)
    texts = recorded_list(value) or ([] if value is None else [value])
    for index, text in enumerate(texts):
        if isinstance(text, str):
            yield f"embedding.embeddings.{index}.embedding.text", text


def _documents(attributes: Mapping[str, Any]) -> _Pairs:
    found = attributes.get(attr.RETRIEVAL_DOCUMENTS) or attributes.get(attr.MEMORY_RECORDS)
    for index, document in enumerate(recorded_list(found)):
        if isinstance(document, Mapping):
            for key, value in _document(document).items():
                yield f"retrieval.documents.{index}.document.{key}", value


def _document(document: Mapping[str, Any]) -> dict[str, Any]:
    content = document.get("content")
    rest = {key: value for key, value in document.items() if key not in ("id", "score", "content")}
    metadata = rest.pop("metadata") if set(rest) == {"metadata"} else rest
    return {
        "id": document.get("id"),
        "score": document.get("score"),
        "content": content if content is None or isinstance(content, str) else to_json(content),
        "metadata": to_json(metadata) if metadata else None,
    }


def _tool(attributes: Mapping[str, Any]) -> _Pairs:
    for key, name in _TOOL.items():
        yield name, attributes.get(key)


def _agent(attributes: Mapping[str, Any]) -> _Pairs:
    yield "agent.name", attributes.get(attr.AGENT_NAME)


# --- of the trace -----------------------------------------------------------------------------------------
def _trace(attributes: Mapping[str, Any]) -> _Pairs:
    yield attr.SESSION_ID, attributes.get(attr.SESSION_ID) or attributes.get(attr.CONVERSATION_ID)
    tags = _under(attributes, attr.TAG_PREFIX)
    yield "tag.tags", [f"{key}:{value}" for key, value in tags.items()] or None
    metadata = _under(attributes, attr.METADATA_PREFIX)
    for key in (attr.TRACE_NAME, attr.CLIENT_REQUEST_ID):
        if key in attributes:
            metadata.setdefault(key.rpartition(".")[2], attributes[key])
    yield "metadata", to_json(metadata) if metadata else None


def _under(attributes: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in attributes.items() if key.startswith(prefix)}


_Maker = Callable[[Mapping[str, Any]], _Pairs]
_ALWAYS: Final[tuple[_Maker, ...]] = (_input, _output, _trace)
_MAKERS: Final[dict[str, tuple[_Maker, ...]]] = {
    "LLM": (_messages, _model, _counts),
    "EMBEDDING": (_embeddings, _counts),
    "RETRIEVER": (_documents,),
    "TOOL": (_tool,),
    "AGENT": (_agent,),
}
