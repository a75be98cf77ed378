"""Stored objects that can be created, listed, read, changed and deleted, whatever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from genai_otel.testing.server.exchange import CREATED, JSON, Answer, Call, json_reply

Handler = Callable[[Call], Answer]
Route = tuple[str, str, Handler]  # method, path with {} for each parameter, handler


def page(data: Iterable[JSON], query: Mapping[str, str] | None = None, *, order: str = "asc") -> JSON:
    """A list in the API's shape, from ``after`` on and ``limit`` long.

    Older clients ask for pages until one is empty, so ``after`` has to be honoured.
    """
    query = query or {}
    rows = list(data)
    if query.get("order", order) == "desc":
        rows.reverse()
    ids = [row.get("id") for row in rows]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = int(query.get("limit", "100"))
    shown = rows[start : start + limit]
    ends = {"first_id": shown[0].get("id"), "last_id": shown[-1].get("id")} if shown else {}
    return {"object": "list", "data": shown, "has_more": start + limit < len(rows), **ends}


def own_fields(call: Call, known: Iterable[str]) -> JSON:
    """The parameters sent that the object knows."""
    return {key: call.body[key] for key in known if call.body.get(key) is not None}


@dataclass(frozen=True)
class Collection:
    """One kind of object: where it lives, what its ids look like and what it holds when new."""

    path: str
    kind: str
    prefix: str
    defaults: JSON
    deleted_kind: str | None = None
    created_field: str = "created_at"

    def make(self, call: Call, **fields: Any) -> JSON:
        """A new stored object: its defaults, then what the caller sent, then ``fields``."""
        base = {"id": call.state.next_id(self.prefix), "object": self.kind, self.created_field: CREATED}
        made = {**base, **self.defaults, **own_fields(call, self.defaults), **fields}
        call.state.store(self.kind)[made["id"]] = made
        return made

    def create(self, call: Call) -> Answer:
        return json_reply(self.make(call))

    def list(self, call: Call) -> Answer:
        return json_reply(page(call.state.store(self.kind).values(), call.request.query))

    def retrieve(self, call: Call) -> Answer:
        return json_reply(call.state.find(self.kind, call.params[-1]))

    def update(self, call: Call) -> Answer:
        found = call.state.find(self.kind, call.params[-1])
        return json_reply(
            self.change(call, found["id"], **own_fields(call, {**self.defaults, "metadata": None}))
        )

    def change(self, call: Call, id: str, **fields: Any) -> JSON:
        """Replace some fields of a stored object."""
        changed = {**call.state.find(self.kind, id), **fields}
        call.state.store(self.kind)[id] = changed
        return changed

    def delete(self, call: Call) -> Answer:
        found = call.state.find(self.kind, call.params[-1])
        del call.state.store(self.kind)[found["id"]]
        return json_reply(
            {"id": found["id"], "object": self.deleted_kind or f"{self.kind}.deleted", "deleted": True}
        )

    def routes(self, *, create: Handler | None = None) -> tuple[Route, ...]:
        """The five usual routes; ``create`` replaces the plain creation."""
        return (("POST", self.path, create or self.create), *self.stored_routes())

    def stored_routes(self) -> tuple[Route, ...]:
        """The routes for objects that something else creates."""
        one = f"{self.path}/{{}}"
        return (
            ("GET", self.path, self.list),
            ("GET", one, self.retrieve),
            ("POST", one, self.update),
            ("DELETE", one, self.delete),
        )
