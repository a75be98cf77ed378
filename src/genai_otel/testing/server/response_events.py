"""A response as the events it is streamed in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON, Event

_UNFINISHED: JSON = {
    "output": [],
    "usage": None,
    "error": None,
    "incomplete_details": None,
    "completed_at": None,
}
_TERMINAL = frozenset({"completed", "failed", "incomplete"})
_EMPTIED: JSON = {
    "content": [],
    "summary": [],
    "arguments": "",
    "input": "",
    "code": "",
    "result": None,
    "outputs": None,
}

# kind of item: the events before and after what is written in it
_PHASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "web_search_call": (("in_progress", "searching"), ("completed",)),
    "file_search_call": (("in_progress", "searching"), ("completed",)),
    "image_generation_call": (("in_progress", "generating"), ("completed",)),
    "code_interpreter_call": (("in_progress",), ("interpreting", "completed")),
    "mcp_call": (("in_progress",), ("completed",)),
    "mcp_list_tools": (("in_progress",), ("completed",)),
}
# kind of item: the field that is written bit by bit, and the events that say so
_WRITTEN: dict[str, tuple[str, str]] = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
    "code_interpreter_call": ("code", "response.code_interpreter_call_code"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
}


def stream(response: JSON, behaviour: Behaviour, after: int = -1) -> Iterator[Event]:
    """The events of a response, numbered from 0; those up to ``after`` are left out."""
    for number, event in enumerate(_events(response, behaviour)):
        if number > after:
            yield Event({**event, "sequence_number": number}, event["type"])


def error_event(nested: bool, error: JSON, position: int) -> Event:
    """The in-band error: flat as documented, or under ``error`` as servers also send it."""
    plain = {key: error[key] for key in ("code", "message", "param")}
    shown = {"error": error} if nested else plain
    return Event({"type": "error", **shown, "sequence_number": position}, "error")


def _events(response: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    opening = {**response, **_UNFINISHED, "status": "queued" if response["background"] else "in_progress"}
    yield {"type": "response.created", "response": opening}
    if response["background"]:
        yield {"type": "response.queued", "response": opening}
    yield {"type": "response.in_progress", "response": {**opening, "status": "in_progress"}}
    for index, item in enumerate(response["output"]):
        yield from _item_events(index, item, behaviour)
    if response["status"] in _TERMINAL:
        yield {"type": f"response.{response['status']}", "response": response}


def _item_events(index: int, item: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    place = {"item_id": item["id"], "output_index": index}
    before, after = _PHASES.get(item["type"], ((), ()))
    yield {"type": "response.output_item.added", "output_index": index, "item": _opened(item)}
    yield from ({"type": f"response.{item['type']}.{phase}", **place} for phase in before)
    yield from _content_events(item, place, behaviour)
    yield from ({"type": f"response.{item['type']}.{phase}", **place} for phase in after)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _opened(item: JSON) -> JSON:
    """The item before anything is written in it; results of calls arrive finished."""
    if item["type"].endswith("_output"):
        return item
    emptied = {key: value for key, value in _EMPTIED.items() if key in item}
    return {**item, **emptied, **({"status": "in_progress"} if "status" in item else {})}


def _content_events(item: JSON, place: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    if item["type"] in _WRITTEN:
        field, name = _WRITTEN[item["type"]]
        yield from _written(name, field, item[field], place, behaviour)
    elif item["type"] == "image_generation_call":
        image = {"partial_image_b64": item["result"], "partial_image_index": 0}
        yield {"type": "response.image_generation_call.partial_image", **place, **image}
    elif item["type"] == "reasoning":
        yield from _summary_events(item, place, behaviour)
    elif item["type"] == "message":
        for position, part in enumerate(item["content"]):
            yield from _part_events(part, {**place, "content_index": position}, behaviour)


def _written(
    name: str, field: str, value: str, place: JSON, behaviour: Behaviour, **more: Any
) -> Iterator[JSON]:
    for piece in text.pieces(value, behaviour):
        yield {"type": f"{name}.delta", **place, "delta": piece, **more}
    yield {"type": f"{name}.done", **place, field: value, **more}


def _summary_events(item: JSON, place: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    for position, part in enumerate(item["summary"]):
        at = {**place, "summary_index": position}
        yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
        yield from _written("response.reasoning_summary_text", "text", part["text"], at, behaviour)
        yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _part_events(part: JSON, at: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    refused = part["type"] == "refusal"
    field = "refusal" if refused else "text"
    emptied = {**part, field: "", **({} if refused else {"annotations": []})}
    yield {"type": "response.content_part.added", **at, "part": emptied}
    if refused:
        yield from _written("response.refusal", field, part[field], at, behaviour)
    else:
        yield from _written("response.output_text", field, part[field], at, behaviour, logprobs=[])
        for position, annotation in enumerate(part["annotations"]):
            found = {"annotation_index": position, "annotation": annotation}
            yield {"type": "response.output_text.annotation.added", **at, **found}
    yield {"type": "response.content_part.done", **at, "part": part}
