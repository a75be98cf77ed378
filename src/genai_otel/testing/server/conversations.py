"""Conversations and their items."""

from __future__ import annotations

from genai_otel.testing.server.exchange import Answer, APIError, Call, json_reply
from genai_otel.testing.server.resources import Collection, Route, page
from genai_otel.testing.server.response_context import conversation_items, input_items

CONVERSATIONS = Collection("/conversations", "conversation", "conv_", {"metadata": {}})


def _create(call: Call) -> Answer:
    made = CONVERSATIONS.make(call)
    conversation_items(call, made["id"]).extend(input_items(call, call.body.get("items")))
    return json_reply(made)


def _create_items(call: Call) -> Answer:
    added = input_items(call, call.require("items"))
    conversation_items(call, call.params[0]).extend(added)
    return json_reply(page(added))


def _list_items(call: Call) -> Answer:
    return json_reply(page(conversation_items(call, call.params[0]), call.request.query))


def _retrieve_item(call: Call) -> Answer:
    for item in conversation_items(call, call.params[0]):
        if item["id"] == call.params[1]:
            return json_reply(item)
    raise APIError(404, f"No item found with id '{call.params[1]}'.")


def _delete_item(call: Call) -> Answer:
    items = conversation_items(call, call.params[0])
    items[:] = [item for item in items if item["id"] != call.params[1]]
    return json_reply(call.state.find(CONVERSATIONS.kind, call.params[0]))


ROUTES: tuple[Route, ...] = (
    ("POST", "/conversations", _create),
    ("GET", "/conversations/{}", CONVERSATIONS.retrieve),
    ("POST", "/conversations/{}", CONVERSATIONS.update),
    ("DELETE", "/conversations/{}", CONVERSATIONS.delete),
    ("POST", "/conversations/{}/items", _create_items),
    ("GET", "/conversations/{}/items", _list_items),
    ("GET", "/conversations/{}/items/{}", _retrieve_item),
    ("DELETE", "/conversations/{}/items/{}", _delete_item),
)
