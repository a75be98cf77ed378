"""Assistants, threads and their messages; runs are next door."""

from __future__ import annotations

from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.exchange import CREATED, JSON, Answer, APIError, Call, json_reply
from genai_otel.testing.server.resources import Collection, Route, page

ASSISTANTS = Collection(
    "/assistants",
    "assistant",
    "asst_",
    {
        "model": "gpt-4o-mini",
        "name": None,
        "description": None,
        "instructions": None,
        "tools": [],
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "tool_resources": {},
    },
)
THREADS = Collection("/threads", "thread", "thread_", {"metadata": {}, "tool_resources": {}})
_MESSAGES = "thread messages"


def messages(call: Call, thread: str) -> dict[str, JSON]:
    """The messages of a thread by id, oldest first."""
    known: dict[str, JSON] = call.state.store(_MESSAGES).setdefault(thread, {})
    return known


def create_thread(call: Call, body: JSON) -> JSON:
    """A thread with the messages it begins with."""
    thread = THREADS.make(call, metadata=body.get("metadata") or {})
    for given in body.get("messages") or ():
        add_message(call, thread["id"], given["role"], text.plain(given["content"]), **_metadata(given))
    return thread


def add_message(call: Call, thread: str, role: str, said: str, **fields: Any) -> JSON:
    """A new message in a thread."""
    message = {
        "id": call.state.next_id("msg_"),
        "object": "thread.message",
        "created_at": CREATED,
        "thread_id": thread,
        "role": role,
        "content": [{"type": "text", "text": {"value": said, "annotations": []}}],
        "status": "completed",
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
        **fields,
    }
    messages(call, thread)[message["id"]] = message
    return message


def said_in(message: JSON) -> str:
    """The text of a stored message."""
    return "\n".join(part["text"]["value"] for part in message["content"])


def _metadata(given: JSON) -> JSON:
    return {"metadata": given.get("metadata") or {}}


def _create_assistant(call: Call) -> Answer:
    call.model()
    return ASSISTANTS.create(call)


def _create_thread(call: Call) -> Answer:
    return json_reply(create_thread(call, call.body))


def _create_message(call: Call) -> Answer:
    thread = call.state.find(THREADS.kind, call.params[0])["id"]
    said = text.plain(call.require("content"))
    return json_reply(add_message(call, thread, call.body.get("role", "user"), said, **_metadata(call.body)))


def _list_messages(call: Call) -> Answer:
    call.state.find(THREADS.kind, call.params[0])
    return json_reply(page(messages(call, call.params[0]).values(), call.request.query, order="desc"))


def _retrieve_message(call: Call) -> Answer:
    message = messages(call, call.params[0]).get(call.params[1])
    if message is None:
        raise APIError(404, f"No message found with id '{call.params[1]}'.")
    return json_reply(message)


def _delete_message(call: Call) -> Answer:
    messages(call, call.params[0]).pop(call.params[1], None)
    return json_reply({"id": call.params[1], "object": "thread.message.deleted", "deleted": True})


ROUTES: tuple[Route, ...] = (
    *ASSISTANTS.routes(create=_create_assistant),
    *THREADS.routes(create=_create_thread),
    ("POST", "/threads/{}/messages", _create_message),
    ("GET", "/threads/{}/messages", _list_messages),
    ("GET", "/threads/{}/messages/{}", _retrieve_message),
    ("DELETE", "/threads/{}/messages/{}", _delete_message),
)
