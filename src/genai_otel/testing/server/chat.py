"""Chat completions: one message for each choice, whole or as chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from genai_otel.testing.server import chat_chunks as chunks
from genai_otel.testing.server import media, schema, text, tools, usage
from genai_otel.testing.server.exchange import CREATED, JSON, Answer, APIError, Call, EventStream, json_reply
from genai_otel.testing.server.resources import Collection, Route, page

STORE = "chat.completion"


@dataclass(frozen=True)
class Conversation:
    """What the messages of a request say."""

    messages: list[JSON]

    @property
    def question(self) -> str:
        asked = (text.plain(message.get("content")) for message in reversed(self.messages))
        roles = (message.get("role") for message in reversed(self.messages))
        return next((said for role, said in zip(roles, asked, strict=True) if role == "user"), "")

    @property
    def context(self) -> str:
        given = (m for m in self.messages if m.get("role") in ("system", "developer", "user"))
        return "\n".join(text.plain(message.get("content")) for message in given)

    @property
    def results(self) -> list[tuple[str, str]]:
        names = {call.get("id"): _called(call) for m in self.messages for call in m.get("tool_calls") or ()}
        given = (m for m in self.messages if m.get("role") in ("tool", "function"))
        return [
            (names.get(m.get("tool_call_id")) or m.get("name") or "the tool", text.plain(m.get("content")))
            for m in given
        ]

    @property
    def fresh(self) -> bool:
        return self.messages[-1].get("role") == "user" and not self.results


def _called(call: JSON) -> str:
    return str((call.get("function") or call.get("custom") or {}).get("name", ""))


def create(call: Call) -> Answer:
    """POST /chat/completions."""
    conversation = _conversation(call)
    completion = _completion(call, conversation)
    if call.body.get("store"):
        call.state.store(STORE)[completion["id"]] = completion
        call.state.store("messages")[completion["id"]] = {"messages": conversation.messages}
    if call.body.get("stream"):
        return EventStream(chunks.stream(call, completion))
    return json_reply(_azure(completion) if call.deployment else completion)


def _conversation(call: Call) -> Conversation:
    messages = call.require("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise APIError(400, "Invalid type for 'messages': expected an array of objects.", param="messages")
    return Conversation(messages)


def _completion(call: Call, conversation: Conversation) -> JSON:
    body, model = call.body, call.model()
    choices = list(_choices(call, conversation))
    completion: JSON = {
        "id": call.state.next_id("chatcmpl-"),
        "object": "chat.completion",
        "created": CREATED,
        "model": call.behaviour.model or text.response_model(model),
        "choices": choices,
        "usage": _usage(call, conversation, choices),
        "service_tier": call.service_tier,
        "system_fingerprint": f"fp_{crc32(model.encode()):08x}",
    }
    if call.behaviour.nousage:
        del completion["usage"]
    return completion | ({"metadata": body["metadata"]} if body.get("metadata") else {})


def _choices(call: Call, conversation: Conversation) -> Iterator[JSON]:
    for index in range(call.body.get("n") or 1):
        message, finish = _message(call, conversation, index)
        yield {
            "index": index,
            "message": message,
            "logprobs": _logprobs(call.body, message),
            "finish_reason": call.behaviour.finish or finish,
        }


def _message(call: Call, conversation: Conversation, index: int) -> tuple[JSON, str]:
    body, behaviour, question = call.body, call.behaviour, conversation.question
    message: JSON = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if behaviour.reasoning is not None:
        message["reasoning_content"] = behaviour.reasoning
    if behaviour.refusal is not None:
        return message | {"refusal": behaviour.refusal}, "stop"
    called = tools.calls(
        behaviour,
        tools.offered(body.get("tools"), body.get("functions")),
        body.get("tool_choice") or body.get("function_call"),
        question,
        fresh=conversation.fresh,
    )
    if called:
        return _calling(call, message, called)
    said, finish = text.truncated(
        _said(call, conversation, index),
        body.get("max_completion_tokens") or body.get("max_tokens"),
        body.get("stop"),
    )
    if "audio" in (body.get("modalities") or ()):
        return message | {"audio": _audio(call, said)}, finish
    return message | {"content": said}, finish


def _calling(call: Call, message: JSON, called: list[tools.ToolCall]) -> tuple[JSON, str]:
    if not call.body.get("tools"):
        function = {"name": called[0].name, "arguments": called[0].input}
        return message | {"function_call": function}, "function_call"
    return message | {"tool_calls": [_tool_call(call, each) for each in called]}, "tool_calls"


def _tool_call(call: Call, called: tools.ToolCall) -> JSON:
    written = "arguments" if called.kind == "function" else "input"
    inner = {"name": called.name, written: called.input}
    return {"id": call.state.next_id("call_"), "type": called.kind, called.kind: inner}


def _said(call: Call, conversation: Conversation, index: int) -> str:
    form = call.body.get("response_format") or {}
    said = text.say(call.behaviour, conversation.question, conversation.context, conversation.results)
    structured = structured_text(
        form.get("type"), (form.get("json_schema") or {}).get("schema"), conversation.question
    )
    if structured and call.behaviour.text is None:
        return structured
    return f"{said} ({index + 1})" if index else said


def structured_text(kind: Any, wanted: JSON | None, question: str) -> str | None:
    """The answer to a request for JSON; ``None`` where plain text is wanted."""
    if kind == "json_schema":
        return json.dumps(schema.instance(wanted or {"type": "object"}, question), ensure_ascii=False)
    return json.dumps({"answer": f"It is about {question[:40]}"}) if kind == "json_object" else None


def _audio(call: Call, said: str) -> JSON:
    return {
        "id": call.state.next_id("audio_"),
        "data": media.base64_text(media.wav(said)),
        "expires_at": CREATED + 3600,
        "transcript": said,
    }


def _logprobs(body: JSON, message: JSON) -> JSON | None:
    if not body.get("logprobs") or not message["content"]:
        return None
    count = body.get("top_logprobs") or 0
    return {
        "content": [token_logprob(token, count) for token in text.tokens(message["content"])],
        "refusal": None,
    }


def token_logprob(token: str, alternatives: int) -> JSON:
    """The log probability of one token, as chat and Responses report it."""
    own = {"token": token, "logprob": -0.25, "bytes": list(token.encode("utf-8", "replace"))}
    return {**own, "top_logprobs": [own] * min(alternatives, 1)}


def _usage(call: Call, conversation: Conversation, choices: list[JSON]) -> JSON:
    body = call.body
    prompt = 3 + sum(
        4 + text.count(m.get("content")) + text.count(m.get("tool_calls")) for m in conversation.messages
    )
    prompt += text.count(body.get("tools")) + text.count(body.get("functions"))
    audio = sum(text.count((choice["message"].get("audio") or {}).get("transcript")) for choice in choices)
    answer = audio + sum(map(_answer_tokens, choices))
    effort = body.get("reasoning_effort")
    thought = usage.reasoning_tokens(call.behaviour, effort and effort != "none")
    return usage.chat_usage(call.behaviour, prompt, answer, thought, audio)


def _answer_tokens(choice: JSON) -> int:
    message = choice["message"]
    said = (message["content"], message["refusal"], message.get("tool_calls"), message.get("function_call"))
    return sum(map(text.count, said))


def _azure(completion: JSON) -> JSON:
    """The content filter results that Azure adds."""
    filtered = [
        choice | {"content_filter_results": chunks.FILTER_RESULTS} for choice in completion["choices"]
    ]
    return completion | {"choices": filtered, "prompt_filter_results": chunks.PROMPT_FILTER_RESULTS}


_STORED = Collection("/chat/completions", STORE, "chatcmpl-", {"metadata": {}})


def _list_messages(call: Call) -> Answer:
    stored = call.state.find("messages", call.params[0])["messages"]
    return json_reply(page({"id": f"{call.params[0]}-{place}", **each} for place, each in enumerate(stored)))


ROUTES: tuple[Route, ...] = (
    ("POST", "/chat/completions", create),
    *_STORED.stored_routes(),
    ("GET", "/chat/completions/{}/messages", _list_messages),
)
