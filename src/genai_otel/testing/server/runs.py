"""Runs of assistants: created queued, found completed when next looked at, or streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genai_otel.testing.server import assistants, text, tools
from genai_otel.testing.server.exchange import (
    CREATED,
    JSON,
    Answer,
    Call,
    Event,
    EventStream,
    error_body,
    json_reply,
)
from genai_otel.testing.server.resources import Route, page

_RUNS = "thread.run"
_STEPS = "run steps"
_END = Event("[DONE]", "done")


def _new(call: Call, thread: str) -> JSON:
    """A queued run."""
    assistant = call.state.find(assistants.ASSISTANTS.kind, call.require("assistant_id"))
    body = call.body
    run = {
        "id": call.state.next_id("run_"),
        "object": _RUNS,
        "created_at": CREATED,
        "thread_id": thread,
        "assistant_id": assistant["id"],
        "status": "queued",
        "model": text.response_model(body.get("model") or assistant["model"]),
        "instructions": body.get("instructions") or assistant["instructions"] or "",
        "tools": body.get("tools") or assistant["tools"],
        "parallel_tool_calls": True,
        "required_action": None,
        "last_error": None,
        "usage": None,
        "metadata": body.get("metadata") or {},
        "temperature": body.get("temperature") or assistant["temperature"],
        "top_p": body.get("top_p") or assistant["top_p"],
        "tool_choice": body.get("tool_choice") or "auto",
        "response_format": "auto",
        "truncation_strategy": {"type": "auto", "last_messages": None},
    }
    return _store(call, run)


def _store(call: Call, run: JSON, **changes: Any) -> JSON:
    changed = {**run, **changes}
    call.state.store(_RUNS)[run["id"]] = changed
    return changed


def _run_of(call: Call) -> JSON:
    return call.state.find(_RUNS, call.params[1])


def _create(call: Call) -> Answer:
    thread = call.state.find(assistants.THREADS.kind, call.params[0])["id"]
    for given in call.body.get("additional_messages") or ():
        assistants.add_message(call, thread, given["role"], text.plain(given["content"]))
    return _started(call, _new(call, thread))


def _create_thread_and_run(call: Call) -> Answer:
    thread = assistants.create_thread(call, call.body.get("thread") or {})
    return _started(call, _new(call, thread["id"]))


def _started(call: Call, run: JSON, results: list[tuple[str, str]] | None = None) -> Answer:
    if not call.body.get("stream"):
        return json_reply(run)
    return EventStream(_stream(call, run, _advance(call, run, results)), end=_END)


def _retrieve(call: Call) -> Answer:
    run = _run_of(call)
    return json_reply(_advance(call, run) if run["status"] == "queued" else run)


def _advance(call: Call, run: JSON, results: list[tuple[str, str]] | None = None) -> JSON:
    """Do what a queued run does: fail, ask for its tools, or answer in the thread."""
    known = list(assistants.messages(call, run["thread_id"]).values())
    asked = next((assistants.said_in(m) for m in reversed(known) if m["role"] == "user"), "")
    spent = _usage(known, run)
    if call.behaviour.status_text in ("failed", "expired", "cancelled", "incomplete"):
        error = {"code": "server_error", "message": error_body(500, call.behaviour.message)["message"]}
        failed = {"last_error": error, "failed_at": CREATED} if call.behaviour.status_text == "failed" else {}
        return _store(call, run, status=call.behaviour.status_text, usage=spent, **failed)
    offered = tools.offered(run["tools"])
    called = tools.calls(call.behaviour, offered, run["tool_choice"], asked, fresh=results is None)
    if called and results is None:
        return _store(call, run, status="requires_action", required_action=_action(call, called))
    said = text.say(call.behaviour, asked, run["instructions"], results or ())
    message = assistants.add_message(
        call, run["thread_id"], "assistant", said, run_id=run["id"], assistant_id=run["assistant_id"]
    )
    done = _store(
        call, run, status="completed", completed_at=CREATED, usage=_usage([*known, message], run, said)
    )
    _add_step(call, done, message)
    return done


def _usage(known: list[JSON], run: JSON, said: str = "") -> JSON:
    prompt = text.count(run["instructions"]) + sum(
        text.count(assistants.said_in(message)) for message in known
    )
    answer = text.count(said)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _action(call: Call, called: list[tools.ToolCall]) -> JSON:
    listed = [
        {
            "id": call.state.next_id("call_"),
            "type": "function",
            "function": {"name": c.name, "arguments": c.input},
        }
        for c in called
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": listed}}


def _steps(call: Call, run: str) -> list[JSON]:
    known: list[JSON] = call.state.store(_STEPS).setdefault(run, {"steps": []})["steps"]
    return known


def _add_step(call: Call, run: JSON, message: JSON) -> None:
    _steps(call, run["id"]).append(
        {
            "id": call.state.next_id("step_"),
            "object": "thread.run.step",
            "created_at": CREATED,
            "run_id": run["id"],
            "assistant_id": run["assistant_id"],
            "thread_id": run["thread_id"],
            "type": "message_creation",
            "status": "completed",
            "completed_at": CREATED,
            "step_details": {"type": "message_creation", "message_creation": {"message_id": message["id"]}},
            "usage": run["usage"],
        }
    )


def _submit(call: Call) -> Answer:
    """Take the tools' outputs and go on: queued again, or streamed to the end."""
    run = _run_of(call)
    asked = (run["required_action"] or {}).get("submit_tool_outputs", {}).get("tool_calls", ())
    names = {each["id"]: each["function"]["name"] for each in asked}
    given = call.require("tool_outputs")
    results = [(names.get(each.get("tool_call_id"), "the tool"), str(each.get("output"))) for each in given]
    resumed = _store(call, run, status="in_progress", required_action=None)
    if not call.body.get("stream"):
        _advance(call, resumed, results)
        return json_reply(resumed)
    return _started(call, resumed, results)


def _cancel(call: Call) -> Answer:
    return json_reply(_store(call, _run_of(call), status="cancelled", cancelled_at=CREATED))


def _list(call: Call) -> Answer:
    runs = (run for run in call.state.store(_RUNS).values() if run["thread_id"] == call.params[0])
    return json_reply(page(runs, call.request.query))


def _list_steps(call: Call) -> Answer:
    return json_reply(page(_steps(call, call.params[1]), call.request.query))


def _stream(call: Call, queued: JSON, done: JSON) -> Iterator[Event]:
    for status in ("created", "queued", "in_progress"):
        yield _event(
            f"thread.run.{status}", {**queued, "status": "queued" if status == "created" else status}
        )
    if done["status"] == "completed":
        step = _steps(call, done["id"])[-1]
        id = step["step_details"]["message_creation"]["message_id"]
        yield from _message_events(call, step, assistants.messages(call, done["thread_id"])[id])
    yield _event(f"thread.run.{done['status']}", done)


def _message_events(call: Call, step: JSON, message: JSON) -> Iterator[Event]:
    open_step = {**step, "status": "in_progress", "completed_at": None, "usage": None}
    open_message = {**message, "status": "in_progress", "content": []}
    for status in ("created", "in_progress"):
        yield _event(f"thread.run.step.{status}", open_step)
    for status in ("created", "in_progress"):
        yield _event(f"thread.message.{status}", open_message)
    for piece in text.pieces(assistants.said_in(message), call.behaviour):
        delta = {"content": [{"index": 0, "type": "text", "text": {"value": piece, "annotations": []}}]}
        yield _event(
            "thread.message.delta", {"id": message["id"], "object": "thread.message.delta", "delta": delta}
        )
    yield _event("thread.message.completed", message)
    yield _event("thread.run.step.completed", step)


def _event(name: str, data: JSON) -> Event:
    return Event(data, name)


ROUTES: tuple[Route, ...] = (
    ("POST", "/threads/runs", _create_thread_and_run),
    ("POST", "/threads/{}/runs", _create),
    ("GET", "/threads/{}/runs", _list),
    ("GET", "/threads/{}/runs/{}", _retrieve),
    ("POST", "/threads/{}/runs/{}/cancel", _cancel),
    ("POST", "/threads/{}/runs/{}/submit_tool_outputs", _submit),
    ("GET", "/threads/{}/runs/{}/steps", _list_steps),
)
