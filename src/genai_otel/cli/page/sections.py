"""What a span was given and what it gave, as a conversation, as documents, or as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from genai_otel.content.messages import input_messages, output_messages
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.exporters.recorded import recorded

from .blocks import Row, plain_text, row_of

_INPUTS: Final = {
    attr.RETRIEVAL_QUERY: "Query",
    attr.MEMORY_QUERY: "Query",
    attr.TOOL_CALL_ARGUMENTS: "Arguments",
    attr.INPUT_VALUE: "Input",
}
_OUTPUTS: Final = {attr.TOOL_CALL_RESULT: "Result", attr.OUTPUT_VALUE: "Output"}
_DOCUMENTS: Final = {attr.RETRIEVAL_DOCUMENTS: "Documents", attr.MEMORY_RECORDS: "Records"}
_MIME_TYPES: Final = (attr.INPUT_MIME_TYPE, attr.OUTPUT_MIME_TYPE)
SHOWN_ELSEWHERE: Final = frozenset(
    {*_INPUTS, *_OUTPUTS, *_DOCUMENTS, *_MIME_TYPES, attr.INPUT_MESSAGES, attr.OUTPUT_MESSAGES}
    | {attr.SYSTEM_INSTRUCTIONS, attr.TOOL_DEFINITIONS}
)


def sections_of(attributes: Mapping[str, Any]) -> list[Row]:
    """Return the recorded content of a span under headings, in the order to read it."""
    return [
        *_conversation(attributes),
        *_values(attributes, _INPUTS),
        *_listed(attributes),
        *_values(attributes, _OUTPUTS),
        *_tools(attributes),
    ]


def _values(attributes: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[Row]:
    for key, title in titles.items():
        if attributes.get(key) not in (None, ""):
            yield {"title": title, "blocks": [row_of(attributes[key])]}


# --- chats ----------------------------------------------------------------------------------------------------
def _conversation(attributes: Mapping[str, Any]) -> Iterator[Row]:
    system = attributes.get(attr.SYSTEM_INSTRUCTIONS)
    given, answered = attributes.get(attr.INPUT_MESSAGES), attributes.get(attr.OUTPUT_MESSAGES)
    messages = [
        *([_message({"role": "system", "parts": _as_parts(system)})] if system else []),
        *(_message(one) for one in input_messages(_value(given))),
        *(_message(one, answer=True) for one in output_messages(_value(answered))),
    ]
    if messages:
        yield {"title": "Conversation", "messages": messages}


def _value(attribute: Any) -> Any:
    """What the attribute's JSON text stands for; text that was cut off as it is."""
    found = recorded(attribute)
    return attribute if found is None else found


def _as_parts(instructions: Any) -> list[Any]:
    return [part for one in input_messages(_value(instructions), role="system") for part in one["parts"]]


def _message(message: Mapping[str, Any], *, answer: bool = False) -> Row:
    row: Row = {"role": plain_text(message.get("role") or ""), "blocks": _blocks(message.get("parts"))}
    name, finish = message.get("name"), message.get("finish_reason")
    marks = {"name": name and plain_text(name), "finish": finish and plain_text(finish), "answer": answer}
    row.update({key: mark for key, mark in marks.items() if mark})
    return row


def _blocks(parts: Any) -> list[Row]:
    found = [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return [_PARTS.get(str(part.get("type")), _other)(part) for part in found]


def _text(part: Mapping[str, Any]) -> Row:
    return row_of(part.get("content") or "")


def _reasoning(part: Mapping[str, Any]) -> Row:
    return row_of(part.get("content") or "", "reasoning", closed=True)


def _refusal(part: Mapping[str, Any]) -> Row:
    return row_of(part.get("content") or "", "refusal")


def _call(part: Mapping[str, Any]) -> Row:
    arguments = part.get("arguments")
    return row_of("" if arguments is None else arguments, _titled("call", part.get("name"), part.get("id")))


def _result(part: Mapping[str, Any]) -> Row:
    response = part.get("response")
    return row_of("" if response is None else response, _titled("result", part.get("id")))


def _media(part: Mapping[str, Any]) -> Row:
    known = (part.get(key) for key in ("uri", "file_id", "mime_type", "size", "sha256"))
    text = "\n".join(str(fact) for fact in known if fact is not None)
    return row_of(text, str(part.get("modality") or "file"))


def _other(part: Mapping[str, Any]) -> Row:
    return row_of({key: part[key] for key in part if key != "type"}, str(part.get("type") or "part"))


def _titled(*words: object) -> str:
    return " ".join(str(word) for word in words if word)


_PARTS: Final[dict[str, Callable[[Mapping[str, Any]], Row]]] = {
    "text": _text,
    "reasoning": _reasoning,
    "refusal": _refusal,
    "tool_call": _call,
    "tool_call_response": _result,
    **dict.fromkeys(("uri", "file", "blob"), _media),
}


# --- documents and tools --------------------------------------------------------------------------------------
def _listed(attributes: Mapping[str, Any]) -> Iterator[Row]:
    for key, title in _DOCUMENTS.items():
        value = _value(attributes.get(key))
        if isinstance(value, list) and value:
            yield {"title": title, "blocks": [block for one in value for block in _document(one)]}
        elif value:
            yield {"title": title, "blocks": [row_of(value)]}


def _document(document: Any) -> Iterator[Row]:
    if not isinstance(document, Mapping) or not isinstance(document.get("content"), str):
        yield row_of(document)
        return
    score = document.get("score")
    yield row_of(document["content"], _titled(document.get("id"), "" if score is None else f"· {score}"))
    rest = {key: document[key] for key in document if key not in ("id", "score", "content")}
    if rest:
        yield row_of(rest, "more", closed=True)


def _tools(attributes: Mapping[str, Any]) -> Iterator[Row]:
    tools = recorded(attributes.get(attr.TOOL_DEFINITIONS))
    if tools:
        listed = tool_definitions(tools) if isinstance(tools, list) else []
        blocks = [row_of(tool, str(tool.get("name") or "tool"), closed=True) for tool in listed]
        yield {"title": "Tools offered", "blocks": blocks or [row_of(tools)]}
