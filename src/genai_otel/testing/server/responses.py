"""The Responses API: create, retrieve, cancel, delete, compact, count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from genai_otel.testing.server import response_events as events
from genai_otel.testing.server import response_items as items
from genai_otel.testing.server import text, tools, usage
from genai_otel.testing.server.chat import structured_text
from genai_otel.testing.server.exchange import (
    CREATED,
    JSON,
    Answer,
    APIError,
    Call,
    EventStream,
    error_body,
    json_reply,
)
from genai_otel.testing.server.resources import Route, page
from genai_otel.testing.server.response_context import (
    INPUTS,
    RESPONSES,
    Context,
    context_of,
    conversation_id,
    conversation_items,
)

_ECHOED: JSON = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def create(call: Call) -> Answer:
    """POST /responses."""
    response = respond(call)
    if call.body.get("stream"):
        return _streamed(call, response)
    return json_reply(_pending(response) if response["background"] else response)


def respond(call: Call) -> JSON:
    """Build the response to a request and remember it, unless ``store`` is false."""
    context = context_of(call)
    response = _finished(call, _response(call, context, list(_output(call, context))))
    if response["store"]:
        call.state.store(RESPONSES)[response["id"]] = response
        call.state.store(INPUTS)[response["id"]] = {"items": context.items}
    if response.get("conversation"):
        known = conversation_items(call, response["conversation"]["id"])
        known.extend(context.items[len(known) :] + response["output"])
    return response


def _streamed(call: Call, response: JSON, after: int = -1) -> EventStream:
    error_event = partial(events.error_event, call.behaviour.error_nested)
    return EventStream(events.stream(response, call.behaviour, after), end=None, error_event=error_event)


def _pending(response: JSON) -> JSON:
    return {**response, "status": "queued", "output": [], "usage": None, "completed_at": None}


def _output(call: Call, context: Context) -> Iterator[JSON]:
    body, behaviour, state = call.body, call.behaviour, call.state
    if behaviour.status_text in ("failed", "queued", "cancelled"):
        return
    if _reasons(body) or behaviour.reasoning is not None:
        encrypted = "reasoning.encrypted_content" in (body.get("include") or ())
        yield items.reasoning(state, behaviour.reasoning or _summary(body), encrypted=encrypted)
    kinds = _kinds(call, context)
    yield from items.samples(state, kinds)
    called = tools.calls(
        behaviour,
        tools.offered(body.get("tools")),
        body.get("tool_choice"),
        context.question,
        fresh=context.fresh,
    )
    yield from (items.function_call(state, each.kind, each.name, each.input) for each in called)
    if behaviour.refusal is not None:
        yield items.refusal(state, behaviour.refusal)
    elif behaviour.items or not (called or items.LEFT_TO_THE_CALLER & set(kinds)):
        yield _message(call, context, annotated="web_search_call" in kinds)


def _kinds(call: Call, context: Context) -> list[str]:
    if call.behaviour.items:
        try:
            return items.kinds(call.behaviour.items)
        except ValueError as error:
            raise APIError(400, str(error), param="x-mock") from None
    return items.hosted_kinds(call.body.get("tools") or ()) if context.fresh else []


def _reasons(body: JSON) -> bool:
    reasoning = body.get("reasoning") or {}
    return bool(reasoning) and reasoning.get("effort") != "none"


def _summary(body: JSON) -> str | None:
    reasoning = body["reasoning"]
    wanted = reasoning.get("summary") or reasoning.get("generate_summary")
    return "The question is short, so the answer is short." if wanted else None


def _message(call: Call, context: Context, *, annotated: bool) -> JSON:
    form = (call.body.get("text") or {}).get("format") or {}
    said = text.say(call.behaviour, context.question, _given(call, context), context.results)
    if call.behaviour.text is None:
        said = structured_text(form.get("type"), form.get("schema"), context.question) or said
    said, finish = text.truncated(said, call.body.get("max_output_tokens"), None)
    status = "incomplete" if finish == "length" or call.behaviour.status_text == "incomplete" else "completed"
    return items.message(call.state, said, status=status, annotated=annotated)


def _given(call: Call, context: Context) -> str:
    return f"{text.plain(call.body.get('instructions'))}\n{context.background}"


def _response(call: Call, context: Context, output: list[JSON]) -> JSON:
    body = call.body
    template = (body.get("prompt") or {}).get("id")
    model = call.model("gpt-4o-mini" if template else None)
    conversation = conversation_id(call)
    return {
        "id": call.state.next_id("resp_"),
        "object": "response",
        "created_at": CREATED,
        **_ECHOED,
        **{key: value for key, value in body.items() if key in _ECHOED and value is not None},
        "model": call.behaviour.model or text.response_model(model),
        "service_tier": call.service_tier,
        "output": output,
        "usage": None if call.behaviour.nousage else _usage(call, context, output),
        "conversation": {"id": conversation} if conversation else None,
    }


def _usage(call: Call, context: Context, output: list[JSON]) -> JSON:
    prompt = (
        3 + context.tokens + text.count(call.body.get("instructions")) + text.count(call.body.get("tools"))
    )
    thought = usage.reasoning_tokens(call.behaviour, _reasons(call.body))
    return usage.response_usage(call.behaviour, prompt, sum(map(_output_tokens, output)), thought)


def _output_tokens(item: JSON) -> int:
    said = [part.get("text") or part.get("refusal") for part in item.get("content") or ()]
    return sum(map(text.count, [*said, item.get("arguments"), item.get("input"), item.get("code")]))


def _finished(call: Call, response: JSON) -> JSON:
    """The response with its status, and what goes with that."""
    cut = any(item.get("status") == "incomplete" for item in response["output"])
    status = call.behaviour.status_text or ("incomplete" if cut else "completed")
    error = error_body(500, call.behaviour.message, code=call.behaviour.code or "server_error")
    failed = {"code": error["code"], "message": error["message"]}
    reason = call.behaviour.finish or "max_output_tokens"
    return {
        **response,
        "status": status,
        "error": failed if status == "failed" else None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "completed_at": CREATED if status == "completed" else None,
        "usage": None if status in ("failed", "queued", "in_progress") else response["usage"],
    }


def retrieve(call: Call) -> Answer:
    """GET /responses/{id}, also as events from ``starting_after`` on."""
    response = call.state.find(RESPONSES, call.params[0])
    if call.request.query.get("stream") == "true":
        return _streamed(call, response, int(call.request.query.get("starting_after", "-1")))
    return json_reply(response)


def cancel(call: Call) -> Answer:
    """POST /responses/{id}/cancel."""
    response = {**call.state.find(RESPONSES, call.params[0]), "status": "cancelled", "completed_at": None}
    call.state.store(RESPONSES)[response["id"]] = response
    return json_reply(response)


def list_input_items(call: Call) -> Answer:
    """GET /responses/{id}/input_items."""
    return json_reply(page(call.state.find(INPUTS, call.params[0])["items"]))


def count_input_tokens(call: Call) -> Answer:
    """POST /responses/input_tokens."""
    counted = _usage(call, context_of(call), [])["input_tokens"]
    return json_reply({"object": "response.input_tokens", "input_tokens": counted})


def compact(call: Call) -> Answer:
    """POST /responses/compact."""
    call.model()
    output = list(items.samples(call.state, ["compaction"]))
    prompt = _usage(call, context_of(call), [])["input_tokens"]
    spent = usage.response_usage(call.behaviour, prompt, text.count(output[0]["encrypted_content"]), 0)
    id = call.state.next_id("resp_")
    return json_reply(
        {"id": id, "object": "response.compaction", "created_at": CREATED, "output": output, "usage": spent}
    )


def delete(call: Call) -> Answer:
    """DELETE /responses/{id}."""
    id = call.state.find(RESPONSES, call.params[0])["id"]
    del call.state.store(RESPONSES)[id]
    return json_reply({"id": id, "object": "response", "deleted": True})


ROUTES: tuple[Route, ...] = (
    ("POST", "/responses", create),
    ("POST", "/responses/compact", compact),
    ("POST", "/responses/input_tokens", count_input_tokens),
    ("GET", "/responses/{}", retrieve),
    ("DELETE", "/responses/{}", delete),
    ("POST", "/responses/{}/cancel", cancel),
    ("GET", "/responses/{}/input_items", list_input_items),
)
