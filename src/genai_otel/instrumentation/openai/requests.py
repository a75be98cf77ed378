"""Request parameters -> attributes, as sent; what the caller did not send is not recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from genai_otel.content.fields import field
from genai_otel.content.policy import ContentPolicy
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry.attributes import attribute_value

# parameter -> (attribute, accepted types)
_NUMBER: Final = (int, float)
SAMPLING: Final[dict[str, tuple[str, Any]]] = {
    "temperature": (attr.REQUEST_TEMPERATURE, _NUMBER),
    "top_p": (attr.REQUEST_TOP_P, _NUMBER),
    "frequency_penalty": (attr.REQUEST_FREQUENCY_PENALTY, _NUMBER),
    "presence_penalty": (attr.REQUEST_PRESENCE_PENALTY, _NUMBER),
    "seed": (attr.REQUEST_SEED, (int,)),
    "top_k": (attr.REQUEST_TOP_K, (int,)),  # no parameter of OpenAI's own, but of servers that speak its API
    "previous_response_id": (attr.REQUEST_PREVIOUS_RESPONSE_ID, (str,)),
}
_DOUBLES: Final = frozenset(
    {
        attr.REQUEST_TEMPERATURE,
        attr.REQUEST_TOP_P,
        attr.REQUEST_FREQUENCY_PENALTY,
        attr.REQUEST_PRESENCE_PENALTY,
    }
)
_MAX_INT: Final = 2**63 - 1
_JSON_FORMATS: Final = ("json_object", "json_schema")


def inference(body: Mapping[str, Any], api_type: str | None, *, stream: bool) -> dict[str, Any]:
    """Return the attributes of an inference request: chat, text completion or Responses."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        target = SAMPLING.get(name)
        if target is not None and isinstance(value, target[1]) and _carriable(value):
            found[target[0]] = float(value) if target[0] in _DOUBLES else value
    if isinstance(model := body.get("model"), str):
        found[attr.REQUEST_MODEL] = model
    if stream:
        found[attr.REQUEST_STREAM] = True
    if api_type is not None:
        found[attr.OPENAI_API_TYPE] = api_type
    if not _DERIVED_FROM.isdisjoint(body):
        for key, read in _DERIVED:
            value = read(body)
            if value is not None:
                found[key] = value
    return found


def redacted(attributes: dict[str, Any], policy: ContentPolicy) -> dict[str, Any]:
    """Return the attributes with what the caller wrote in prose, the stop sequences, redacted."""
    if policy.redact is None or attr.REQUEST_STOP_SEQUENCES not in attributes:
        return attributes
    key = attr.REQUEST_STOP_SEQUENCES
    cleared = attribute_value(key, attributes[key], policy)
    kept = {name: value for name, value in attributes.items() if name != key}
    return kept if cleared is None else {**kept, key: cleared}


_DERIVED_FROM: Final = frozenset(
    {
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "n",
        "stop",
        "reasoning_effort",
        "reasoning",
        "service_tier",
        "response_format",
        "text",
        "modalities",
        "conversation",
        "prompt",
    }
)


def _carriable(value: object) -> bool:
    """Whether a parameter is a text or a number, and that of at most 64 bits, as OTLP needs it."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool) and abs(value) <= _MAX_INT
    return isinstance(value, str)


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an embeddings request; the encoding is the one on the wire."""
    found: dict[str, Any] = {}
    if isinstance(model := body.get("model"), str):
        found[attr.REQUEST_MODEL] = model
    if isinstance(encoding := body.get("encoding_format"), str):
        found[attr.REQUEST_ENCODING_FORMATS] = [encoding]
    if type(dimensions := body.get("dimensions")) is int:
        found[attr.EMBEDDINGS_DIMENSION_COUNT] = dimensions
    return found


def media(body: Mapping[str, Any], output_type: str | None, *, stream: bool = False) -> dict[str, Any]:
    """Return the attributes of a request for an image, for speech, for a transcription or for a judgement."""
    found: dict[str, Any] = {}
    if isinstance(model := body.get("model"), str):
        found[attr.REQUEST_MODEL] = model
    if output_type is not None:
        found[attr.OUTPUT_TYPE] = output_type
    if stream:
        found[attr.REQUEST_STREAM] = True
    if (count := _choice_count(body)) is not None:
        found[attr.REQUEST_CHOICE_COUNT] = count
    return found


def _max_tokens(body: Mapping[str, Any]) -> int | None:
    limits = (body.get(name) for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"))
    return next((limit for limit in limits if type(limit) is int), None)


def _choice_count(body: Mapping[str, Any]) -> int | None:
    count = body.get("n")
    return count if isinstance(count, int) and not isinstance(count, bool) and count != 1 else None


def _stop(body: Mapping[str, Any]) -> list[str] | None:
    stop = body.get("stop")
    if isinstance(stop, str):
        return [stop]
    return [item for item in stop if isinstance(item, str)] or None if isinstance(stop, list) else None


def _reasoning(body: Mapping[str, Any]) -> str | None:
    effort = body.get("reasoning_effort")
    if effort is None:
        effort = field(body.get("reasoning"), "effort")
    return effort if isinstance(effort, str) else None


def _service_tier(body: Mapping[str, Any]) -> str | None:
    tier = body.get("service_tier")
    return tier if isinstance(tier, str) and tier != "auto" else None


def _output_type(body: Mapping[str, Any]) -> str | None:
    text = field(body.get("text"), "format")
    kind = field(body.get("response_format"), "type") or field(text, "type")
    if kind in _JSON_FORMATS:
        return "json"
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        return "speech"
    return "text" if kind == "text" else None


def _conversation(body: Mapping[str, Any]) -> str | None:
    conversation = body.get("conversation")
    found = conversation if isinstance(conversation, str) else field(conversation, "id")
    return found if isinstance(found, str) else None


def _prompt(name: str) -> Any:
    def read(body: Mapping[str, Any]) -> str | None:
        prompt = body.get("prompt")
        found = prompt.get(name) if isinstance(prompt, dict) else None
        return found if isinstance(found, str) else None

    return read


_DERIVED: Final = (
    (attr.REQUEST_MAX_TOKENS, _max_tokens),
    (attr.REQUEST_CHOICE_COUNT, _choice_count),
    (attr.REQUEST_STOP_SEQUENCES, _stop),
    (attr.REQUEST_REASONING_LEVEL, _reasoning),
    (attr.OPENAI_REQUEST_SERVICE_TIER, _service_tier),
    (attr.OUTPUT_TYPE, _output_type),
    (attr.CONVERSATION_ID, _conversation),
    (attr.PROMPT_NAME, _prompt("id")),
    (attr.PROMPT_VERSION, _prompt("version")),
)
