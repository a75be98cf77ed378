"""Files, uploads, batches and models."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from genai_otel.testing.server.exchange import CREATED, JSON, Answer, APIError, Call, Reply, json_reply
from genai_otel.testing.server.resources import Collection, Route, page

CONTENT = "file content"

FILES = Collection(
    "/files",
    "file",
    "file-",
    {"bytes": 0, "filename": "upload", "purpose": "user_data", "status": "processed"},
    deleted_kind="file",
)
UPLOADS = Collection(
    "/uploads",
    "upload",
    "upload_",
    {
        "bytes": 0,
        "filename": "upload",
        "purpose": "user_data",
        "mime_type": "application/octet-stream",
        "status": "pending",
        "expires_at": CREATED + 3600,
    },
)
BATCHES = Collection(
    "/batches",
    "batch",
    "batch_",
    {
        "endpoint": "/v1/chat/completions",
        "input_file_id": "",
        "completion_window": "24h",
        "status": "validating",
        "metadata": None,
        "output_file_id": None,
    },
)
_MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-5", "text-embedding-3-small", "gpt-image-1", "gpt-4o-transcribe")


def uploaded(value: Any) -> tuple[str, bytes]:
    """The name and the bytes of a form field that should be a file."""
    if isinstance(value, tuple):
        return value
    raise APIError(400, "Expected a file.", param="file")


def store_file(call: Call, name: str, data: bytes, purpose: str) -> JSON:
    made = FILES.make(call, filename=name, bytes=len(data), purpose=purpose)
    call.state.store(CONTENT)[made["id"]] = {"data": data}
    return made


def file_content(call: Call, id: str) -> bytes:
    data: bytes = call.state.find(CONTENT, id)["data"]
    return data


def _create_file(call: Call) -> Answer:
    name, data = uploaded(call.require("file"))
    return json_reply(store_file(call, name, data, call.body.get("purpose", "user_data")))


def _file_content(call: Call) -> Answer:
    return Reply(file_content(call, call.params[0]), content_type="application/octet-stream")


def _add_part(call: Call) -> Answer:
    upload, (_, data) = call.state.find(UPLOADS.kind, call.params[0]), uploaded(call.require("data"))
    part: JSON = {"id": call.state.next_id("part_"), "object": "upload.part", "created_at": CREATED}
    call.state.store(CONTENT)[part["id"]] = {"data": data}
    return json_reply({**part, "upload_id": upload["id"]})


def _complete_upload(call: Call) -> Answer:
    upload = call.state.find(UPLOADS.kind, call.params[0])
    data = b"".join(file_content(call, part) for part in call.require("part_ids"))
    made = store_file(call, upload["filename"], data, upload["purpose"])
    return json_reply(UPLOADS.change(call, upload["id"], status="completed", file=made))


def _cancel_upload(call: Call) -> Answer:
    return json_reply(UPLOADS.change(call, call.params[0], status="cancelled"))


def _retrieve_batch(call: Call) -> Answer:
    batch = call.state.find(BATCHES.kind, call.params[0])
    return json_reply(batch if batch["status"] != "validating" else _run_batch(call, batch))


def _run_batch(call: Call, batch: JSON) -> JSON:
    """Do the batch's requests, as if they had been done since it was created."""
    if call.behaviour.status_text:
        return BATCHES.change(call, batch["id"], status=call.behaviour.status_text)
    lines = [
        json.loads(line) for line in file_content(call, batch["input_file_id"]).splitlines() if line.strip()
    ]
    results = [_run_line(call, batch, line) for line in lines]
    output = store_file(call, "output.jsonl", "\n".join(map(json.dumps, results)).encode(), "batch_output")
    failed = sum(result["response"]["status_code"] >= 400 for result in results)
    return BATCHES.change(
        call,
        batch["id"],
        status="completed",
        completed_at=CREATED,
        output_file_id=output["id"],
        request_counts={"total": len(results), "completed": len(results) - failed, "failed": failed},
        usage=_batch_usage(results),
    )


def _run_line(call: Call, batch: JSON, line: JSON) -> JSON:
    path = str(line.get("url") or batch["endpoint"])
    answer = call.dispatch(
        replace(call.request, method="POST", path=path, query={}, headers={}, json=line.get("body"))
    )
    refused = json_reply({"error": {"message": "Streaming is not possible in a batch."}}, 400)
    done = answer if isinstance(answer, Reply) else refused
    return {
        "id": call.state.next_id("batch_req_"),
        "custom_id": line.get("custom_id"),
        "response": {"status_code": done.status, "body": json.loads(done.body)},
        "error": None,
    }


def _batch_usage(results: list[JSON]) -> JSON:
    spent = [result["response"]["body"].get("usage") or {} for result in results]
    read = sum(each.get("prompt_tokens", each.get("input_tokens", 0)) for each in spent)
    written = sum(each.get("completion_tokens", each.get("output_tokens", 0)) for each in spent)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }


def _cancel_batch(call: Call) -> Answer:
    return json_reply(BATCHES.change(call, call.params[0], status="cancelled", cancelled_at=CREATED))


def _model(name: str) -> JSON:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "genai-otel"}


def _list_models(call: Call) -> Answer:
    return json_reply(page(map(_model, _MODELS)))


def _retrieve_model(call: Call) -> Answer:
    if "does-not-exist" in call.params[0]:
        raise APIError(
            404, f"The model '{call.params[0]}' does not exist", code="model_not_found", param="model"
        )
    return json_reply(_model(call.params[0]))


def _delete_model(call: Call) -> Answer:
    return json_reply({"id": call.params[0], "object": "model", "deleted": True})


ROUTES: tuple[Route, ...] = (
    *FILES.routes(create=_create_file),
    ("GET", "/files/{}/content", _file_content),
    ("POST", "/uploads", UPLOADS.create),
    ("POST", "/uploads/{}/parts", _add_part),
    ("POST", "/uploads/{}/complete", _complete_upload),
    ("POST", "/uploads/{}/cancel", _cancel_upload),
    ("POST", "/batches", BATCHES.create),
    ("GET", "/batches", BATCHES.list),
    ("GET", "/batches/{}", _retrieve_batch),
    ("POST", "/batches/{}/cancel", _cancel_batch),
    ("GET", "/models", _list_models),
    ("GET", "/models/{}", _retrieve_model),
    ("DELETE", "/models/{}", _delete_model),
)
