"""Any chat shape as messages of the conventions: prompts, histories, answers and whole requests.

Known are the messages, items and answers of OpenAI (chat, Responses, completions), Anthropic's blocks,
LangChain's and Gemini's messages and the conventions' own, as dicts or as objects. Anything else becomes one
message with one text part, so that nothing is lost. The results are fresh plain data; nothing given is
consumed or changed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from genai_otel.content.answers import (
    choice_message,
    choices_of,
    finish_reasons,
    items_of,
    with_finish_reasons,
)
from genai_otel.content.chat import chat_message, is_pair, pair_message
from genai_otel.content.encode import to_json
from genai_otel.content.fields import Message, Part, field, given, sequence, string
from genai_otel.content.history import Values, is_history, is_one_answer, read_all, read_one, read_prompts
from genai_otel.content.parts import content_parts, text_part
from genai_otel.content.responses_items import item_parts
from genai_otel.content.second_try import second_try
from genai_otel.content.tools import tool_definitions

__all__ = ["Request", "finish_reasons", "input_messages", "output_messages", "split_request"]

_CONVERSATION: Final = ("messages", "input", "prompt", "contents")
_INSTRUCTIONS: Final = ("instructions", "system", "system_instruction")
_TOOLS: Final = ("tools", "functions")
_OF_A_REQUEST: Final = frozenset(
    {*_CONVERSATION, *_INSTRUCTIONS, *_TOOLS, "tool_choice", "response_format", "stream", "stream_options"}
    | {"temperature", "top_p", "n", "seed", "stop", "timeout"}
    | {"max_tokens", "max_output_tokens", "max_completion_tokens"}
)


class Request(NamedTuple):
    """What a request carries: its messages, its separate instructions and the tools that it offers."""

    messages: list[Message]
    system_instructions: list[Part]
    tool_definitions: list[dict[str, Any]]


def input_messages(value: object, *, role: str = "user") -> list[Message]:
    """The messages given to a model; ``role`` is that of whatever names none itself.

    Takes a string, a message, a list of messages, items, parts, ``(role, content)`` pairs or prompts, or a
    dict with ``messages``, ``input`` or ``prompt``. Never raises.
    """
    read = functools.partial(_input, role=role)
    try:
        return read(value)
    except Exception as exc:
        site = "content.messages.input_messages"
        return second_try(exc, site, read, value, lambda: _free_form(to_json(value), role))


def output_messages(value: object, *, finish_reason: bool = False) -> list[Message]:
    """The messages that a model gave: one for each choice, one for all the items of a Responses answer.

    With ``finish_reason`` each message has one, which the conventions required until they deprecated it.
    Takes an answer of OpenAI, Anthropic or LangChain, a message or a list of them, a string or anything else.
    Never raises.
    """
    read = _finished_output if finish_reason else _output
    try:
        return read(value)
    except Exception as exc:
        site = "content.messages.output_messages"
        return second_try(exc, site, read, value, lambda: _free_form(to_json(value), "assistant"))


def split_request(value: object) -> Request:
    """The messages, the separate instructions and the tools of a request given as a dict of its parameters.

    Anything but a dict has messages only. System messages inside a history stay there. Never raises.
    """
    try:
        return _split(value)
    except Exception as exc:
        site = "content.messages.split_request"
        return second_try(
            exc, site, _split, value, lambda: Request(_free_form(to_json(value), "user"), [], [])
        )


def _free_form(value: object, role: str) -> list[Message]:
    return [{"role": role, "parts": [text_part(value)]}]


def _input(value: object, role: str) -> list[Message]:
    if value is None:
        return []
    if isinstance(value, str):
        return _free_form(value, role)
    if type(value) is list:  # what nearly every chat request has
        return _said(value, role)
    conversation = _conversation(value)
    return _said(value if conversation is None else conversation, role)


def _said(value: object, role: str) -> list[Message]:
    """The messages of a prompt, a history or a single message."""
    if not isinstance(value, (list, tuple)):
        message = read_one(value, role)
        return _free_form(value, role) if message is None else [message]
    if not value:
        return []
    return _listed(value, role) or read_prompts(value, role) or _free_form(value, role)


def _listed(values: Values, role: str) -> list[Message] | None:
    if isinstance(values, tuple) and is_pair(values):
        return [pair_message(values)]
    return read_all(values, role)


def _conversation(value: object) -> Any:
    """The conversation in a dict of request parameters, or in an object with ``messages``, else ``None``."""
    messages = field(value, "messages")
    if isinstance(messages, (list, tuple)) and (not messages or is_history(messages)):
        return messages
    parameters = _parameters(value)
    if not _is_request(parameters):
        return None
    return next((parameters[name] for name in _CONVERSATION if _is_conversation(parameters, name)), [])


def _parameters(value: object) -> dict[Any, Any]:
    """The parameters in a mapping; nothing if there is no conversation among them."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Mapping) or not any(name in value for name in _CONVERSATION):
        return {}
    return dict(value)


def _is_request(value: dict[Any, Any]) -> bool:
    """Whether a dict names a model and a conversation, or a conversation and nothing but parameters."""
    named = sum(name in value for name in _CONVERSATION)
    if string(value.get("model")) is not None:
        return named > 0
    prompts = [name for name in _CONVERSATION if _is_prompt(value.get(name), name)]
    return named == len(prompts) == 1 and value.keys() <= _OF_A_REQUEST


def _is_prompt(value: object, name: str) -> bool:
    """Whether a parameter is a text or a list; lists of messages have been looked at before."""
    return isinstance(value, str) or (name != "messages" and isinstance(value, (list, tuple)))


def _is_conversation(value: dict[Any, Any], name: str) -> bool:
    """Whether the parameter is given; a ``prompt`` that is a reference to a stored one is no conversation."""
    found = value.get(name)
    return given(found) and not (name == "prompt" and not _is_prompt(found, name))


def _finished_output(value: object) -> list[Message]:
    return with_finish_reasons(_output(value), value)


def _output(value: object) -> list[Message]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return _output_list(value)
    if isinstance(value, str):
        return _free_form(value, "assistant")
    for read in _ANSWERS:
        messages = read(value)
        if messages is not None:
            return messages
    return _free_form(value, "assistant")


def _output_list(values: Values) -> list[Message]:
    if not values:
        return []
    if is_one_answer(values):
        return [_answer(values)]
    return _listed(values, "assistant") or _free_form(values, "assistant")


def _answer(items: Values) -> Message:
    return {"role": "assistant", "parts": [part for item in items for part in item_parts(item)]}


def _of_choices(value: object) -> list[Message] | None:
    choices = choices_of(value)
    return None if choices is None else [choice_message(choice) for choice in choices]


def _of_items(value: object) -> list[Message] | None:
    items = items_of(value)
    if items is None:
        return None
    return [_answer(items)] if items else []


def _of_one(value: object) -> list[Message] | None:
    message = read_one(value, "assistant")
    return None if message is None else [message]


def _of_wrapper(value: object) -> list[Message] | None:
    """An answer that holds its message (``{"message": {…}}``) or a state that holds the messages."""
    inner = field(value, "message")
    if string(field(inner, "role")) is not None:
        return [chat_message(inner, "assistant")]
    messages = sequence(field(value, "messages"))
    return read_all(messages, "assistant") if messages else None


_Read: TypeAlias = Callable[[object], list[Message] | None]
_ANSWERS: Final[tuple[_Read, ...]] = (_of_one, _of_choices, _of_items, _of_wrapper)


def _split(value: object) -> Request:
    parameters = _parameters(value)
    conversation = _conversation(parameters)
    if conversation is None:
        return Request(_input(value, "user"), [], [])
    instructions = [part for name in _INSTRUCTIONS for part in _instruction_parts(parameters.get(name))]
    tools = [tool for name in _TOOLS for tool in tool_definitions(parameters.get(name))]
    return Request(_said(conversation, "user"), instructions, tools)


def _instruction_parts(value: object) -> list[Part]:
    """The parts of separate instructions: a text, text blocks, or messages."""
    if not given(value):
        return []
    messages = read_all(value, "system") if isinstance(value, (list, tuple)) else None
    if messages is None:
        return content_parts(value)
    return [part for message in messages for part in message["parts"]]
