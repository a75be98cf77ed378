"""Items of OpenAI's Responses API, which stand for a message, a call, an outcome or a piece of state each.

Calls that the client answers become ``tool_call`` and ``tool_call_response`` parts, calls that the provider
executes become ``server_tool_call`` and, as soon as there is an outcome, ``server_tool_call_response``.
"""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.fields import Part, field, first, identifier, kind_of, string, with_present
from genai_otel.content.media import image_mime_type, provider_fields, reference
from genai_otel.content.parts import (
    BUILDERS,
    Builder,
    content_parts,
    generic_part,
    nested_part,
    parts_of,
    server_call,
    server_outcome,
)
from genai_otel.content.tool_calls import parsed, plain_value, response_part, tool_call, tool_response

_IDS: Final = ("id", "call_id")


def item_parts(item: object) -> list[Part]:
    """The parts of one item; of kinds unknown here, and of plain messages, what any message part gives."""
    builder = _ITEMS.get(kind_of(item) or "")
    return parts_of(item) if builder is None else builder(item)


def item_role(kind: str) -> str | None:
    """The role of the message that an item of this kind is among input items; ``None`` for other kinds."""
    if kind in _ROLES:
        return _ROLES[kind]
    if kind in BUILDERS:
        return None
    return next((role for ending, role in _ROLE_BY_ENDING if kind.endswith(ending)), None)


def _message(item: object) -> list[Part]:
    return content_parts(field(item, "content"))


def _tool_call(item: object) -> list[Part]:
    return [tool_call(item)]


def _tool_output(item: object) -> list[Part]:
    return [tool_response(item, nested_part)]


def _client_call(name: str) -> Builder:
    """A built-in tool that the client runs: what it is asked to do is in fields of its own."""

    def build(item: object) -> list[Part]:
        arguments = provider_fields(item, *_IDS, "type", "status", "caller", "created_by")
        part: Part = {"type": "tool_call", "name": name}
        return [with_present(part, id=_call_id(item), arguments=arguments)]

    return build


def _client_output(item: object) -> list[Part]:
    output = field(item, "output")
    result = provider_fields(item, *_IDS, "type", "caller", "created_by") if output is None else output
    return [response_part(result, _call_id(item), nested_part)]


def _call_id(item: object) -> str | None:
    return identifier(first(item, ("call_id", "id")))


def _server_call(name: str | None, *outcome_fields: str) -> Builder:
    """A tool that the provider runs; the named fields, once there, are its outcome."""

    def build(item: object) -> list[Part]:
        kind = kind_of(item) or ""
        call_id = identifier(field(item, "id"))
        called = name or string(field(item, "name")) or kind
        call = {**provider_fields(item, "id", "name", *outcome_fields, "error"), "type": kind}
        if "arguments" in call:
            call["arguments"] = _deserialised(call["arguments"])
        parts = [server_call(called, call, call_id)]
        outcome = _outcome(item, outcome_fields)
        if outcome:
            parts.append(server_outcome({"type": kind, **outcome}, call_id))
        return parts

    return build


def _deserialised(arguments: object) -> Any:
    text = string(arguments)
    return arguments if text is None else plain_value(parsed(text))


def _outcome(item: object, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: field(item, name) for name in (*names, "error")}
    present = {name: value for name, value in found.items() if value is not None}
    return provider_fields(present) if present else {}


def _image_generation(item: object) -> list[Part]:
    call_id = identifier(field(item, "id"))
    kind = "image_generation_call"
    call = {**provider_fields(item, "id", "result", "error"), "type": kind}
    outcome = _outcome(item, ())
    image = string(field(item, "result"))
    if image:
        mime_type = image_mime_type(field(item, "output_format"))
        outcome["result"] = reference(image, modality="image", mime_type=mime_type)
    parts = [server_call("image_generation", call, call_id)]
    return [*parts, server_outcome({"type": kind, **outcome}, call_id)] if outcome else parts


def _tool_search_call(item: object) -> list[Part]:
    if string(field(item, "execution")) != "client":
        return _search_on_server(item)
    part: Part = {"type": "tool_call", "name": "tool_search"}
    arguments = _deserialised(plain_value(field(item, "arguments")))
    return [with_present(part, id=_call_id(item), arguments=arguments)]


def _tool_search_output(item: object) -> list[Part]:
    if string(field(item, "execution")) == "client":
        return [response_part(provider_fields(item, *_IDS, "type"), _call_id(item), nested_part)]
    return _server_output(item)


def _server_output(item: object) -> list[Part]:
    outcome = {**provider_fields(item, *_IDS), "type": kind_of(item)}
    return [server_outcome(outcome, _call_id(item))]


def _program(item: object) -> list[Part]:
    call = {**provider_fields(item, *_IDS, "fingerprint"), "type": "program"}
    return [server_call("program", call, _call_id(item))]


def _approval_request(item: object) -> list[Part]:
    return [with_present(tool_call(item), server_label=string(field(item, "server_label")))]


def _approval_response(item: object) -> list[Part]:
    answer = provider_fields(item, "id", "type", "approval_request_id")
    return [response_part(answer, identifier(field(item, "approval_request_id")), nested_part)]


def _generic(item: object) -> list[Part]:
    return [generic_part(item, kind_of(item) or "")]


_search_on_server: Final = _server_call("tool_search")

_STATE: Final = ("item_reference", "configuration_update", "compaction_trigger")

_ITEMS: Final[dict[str, Builder]] = {
    "message": _message,
    "function_call": _tool_call,
    "custom_tool_call": _tool_call,
    "function_call_output": _tool_output,
    "custom_tool_call_output": _tool_output,
    "computer_call": _client_call("computer"),
    "local_shell_call": _client_call("local_shell"),
    "shell_call": _client_call("shell"),
    "apply_patch_call": _client_call("apply_patch"),
    **dict.fromkeys(
        ("computer_call_output", "local_shell_call_output", "shell_call_output", "apply_patch_call_output"),
        _client_output,
    ),
    "web_search_call": _server_call("web_search", "results"),
    "file_search_call": _server_call("file_search", "results"),
    "code_interpreter_call": _server_call("code_interpreter", "outputs"),
    "image_generation_call": _image_generation,
    "mcp_call": _server_call(None, "output"),
    "mcp_list_tools": _server_call("mcp_list_tools", "tools"),
    "mcp_approval_request": _approval_request,
    "mcp_approval_response": _approval_response,
    "tool_search_call": _tool_search_call,
    "tool_search_output": _tool_search_output,
    "program": _program,
    "program_output": _server_output,
    **dict.fromkeys((*_STATE, "additional_tools"), _generic),
}

_ROLES: Final[dict[str, str]] = {
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking", "compaction", "program"), "assistant"),
    **dict.fromkeys(("tool_call", "tool_use", "server_tool_use", "server_tool_call"), "assistant"),
    **dict.fromkeys(("server_tool_call_response", "mcp_list_tools", "mcp_approval_request"), "assistant"),
    **dict.fromkeys(("tool_result", "tool_call_response"), "tool"),
    **dict.fromkeys((*_STATE, "mcp_approval_response"), "user"),
    "additional_tools": "system",
}

_ROLE_BY_ENDING: Final = (("_tool_result", "assistant"), ("_call", "assistant"), ("_output", "tool"))
