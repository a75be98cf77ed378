"""Vector stores: files in them, and a search that really ranks."""

from __future__ import annotations

from typing import Any

from genai_otel.testing.server import embeddings
from genai_otel.testing.server.exchange import CREATED, JSON, Answer, APIError, Call, json_reply
from genai_otel.testing.server.files import file_content
from genai_otel.testing.server.resources import Collection, Route, page

STORES = Collection(
    "/vector_stores",
    "vector_store",
    "vs_",
    {
        "name": "",
        "status": "completed",
        "usage_bytes": 0,
        "metadata": {},
        "expires_after": None,
        "description": None,
    },
)
_MEMBERS = "vector store files"

# What a store that holds nothing answers from.
_SAMPLES: tuple[tuple[str, str], ...] = (
    ("hours.txt", "The shop is open from 9 to 5 on weekdays and closed on Sundays."),
    ("refunds.txt", "Refunds are paid within 14 days after the goods come back unused."),
    ("shipping.txt", "Shipping takes three days inside the country and a week abroad."),
    ("warranty.txt", "The warranty covers manufacturing faults for two years."),
)


def _members(call: Call, store: str) -> dict[str, JSON]:
    known: dict[str, JSON] = call.state.store(_MEMBERS).setdefault(store, {})
    return known


def _counts(total: int) -> JSON:
    return {"in_progress": 0, "completed": total, "failed": 0, "cancelled": 0, "total": total}


def _create(call: Call) -> Answer:
    files = call.body.get("file_ids") or []
    store = STORES.make(call, file_counts=_counts(len(files)), last_active_at=CREATED)
    for id in files:
        _attach(call, store["id"], id)
    return json_reply(store)


def _attach(call: Call, store: str, file: str) -> JSON:
    attributes = call.body.get("attributes") or {}
    member = {
        "id": file,
        "object": "vector_store.file",
        "created_at": CREATED,
        "vector_store_id": store,
        "status": "completed",
        "usage_bytes": len(file_content(call, file)),
        "last_error": None,
        "attributes": attributes,
    }
    _members(call, store)[file] = member
    if store in call.state.store(STORES.kind):
        STORES.change(call, store, file_counts=_counts(len(_members(call, store))))
    return member


def _attach_file(call: Call) -> Answer:
    return json_reply(_attach(call, call.params[0], call.require("file_id")))


def _list_files(call: Call) -> Answer:
    return json_reply(page(_members(call, call.params[0]).values(), call.request.query))


def _retrieve_file(call: Call) -> Answer:
    member = _members(call, call.params[0]).get(call.params[1])
    if member is None:
        raise APIError(404, f"No file found with id '{call.params[1]}' in this vector store.")
    return json_reply(member)


def _delete_file(call: Call) -> Answer:
    _members(call, call.params[0]).pop(call.params[1], None)
    return json_reply({"id": call.params[1], "object": "vector_store.file.deleted", "deleted": True})


def _create_batch(call: Call) -> Answer:
    files = call.require("file_ids")
    for id in files:
        _attach(call, call.params[0], id)
    batch: JSON = {
        "id": call.state.next_id("vsfb_"),
        "object": "vector_store.files_batch",
        "created_at": CREATED,
        "vector_store_id": call.params[0],
        "status": "completed",
        "file_counts": _counts(len(files)),
    }
    call.state.store("vector store batch")[batch["id"]] = batch
    return json_reply(batch)


def _retrieve_batch(call: Call) -> Answer:
    return json_reply(call.state.find("vector store batch", call.params[1]))


def search(call: Call) -> Answer:
    """POST /vector_stores/{id}/search: the nearest documents first."""
    query = call.require("query")
    asked = query if isinstance(query, str) else " ".join(query)
    least = (call.body.get("ranking_options") or {}).get("score_threshold") or 0.0
    ranked = sorted((_result(asked, *each) for each in _documents(call)), key=lambda found: -found["score"])
    data = [found for found in ranked if found["score"] >= least][: call.body.get("max_num_results") or 10]
    return json_reply(
        {
            "object": "vector_store.search_results.page",
            "search_query": [asked],
            "data": data,
            "has_more": False,
            "next_page": None,
        }
    )


def _documents(call: Call) -> list[tuple[str, str, str, Any]]:
    members = _members(call, call.params[0])
    if not members:
        return [(f"file-sample-{number}", name, held, {}) for number, (name, held) in enumerate(_SAMPLES, 1)]
    return [(id, _name(call, id), _text(call, id), member["attributes"]) for id, member in members.items()]


def _name(call: Call, id: str) -> str:
    return str(call.state.store("file").get(id, {}).get("filename", id))


def _text(call: Call, id: str) -> str:
    return file_content(call, id).decode("utf-8", "replace")[:2000]


def _result(asked: str, id: str, name: str, held: str, attributes: Any) -> JSON:
    score = round(max(0.0, embeddings.similarity(asked, held)), 4)
    content = [{"type": "text", "text": held}]
    return {"file_id": id, "filename": name, "score": score, "attributes": attributes, "content": content}


ROUTES: tuple[Route, ...] = (
    *STORES.routes(create=_create),
    ("POST", "/vector_stores/{}/search", search),
    ("POST", "/vector_stores/{}/files", _attach_file),
    ("GET", "/vector_stores/{}/files", _list_files),
    ("GET", "/vector_stores/{}/files/{}", _retrieve_file),
    ("DELETE", "/vector_stores/{}/files/{}", _delete_file),
    ("POST", "/vector_stores/{}/file_batches", _create_batch),
    ("GET", "/vector_stores/{}/file_batches/{}", _retrieve_batch),
)
