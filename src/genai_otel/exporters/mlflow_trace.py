"""What MLflow shows of a trace as a whole, read from our outermost span, and the REST body that says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import StatusCode

from genai_otel.conventions import attributes as attr

from . import mlflow_limits as limits
from . import previews
from .recorded import recorded

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SESSION: Final = "mlflow.trace.session"
USER: Final = "mlflow.trace.user"
_READ_AS_MESSAGES: Final = frozenset({"messages", "choices", "input", "output", "request"})


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One trace; ``nested`` says that our span has a parent, ``remote`` that it is in another process."""

    trace_id: int
    name: str
    start_ns: int
    end_ns: int
    failed: bool
    request: str | None
    response: str | None
    request_set: bool
    response_set: bool
    nested: bool
    remote: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    session: str | None = None
    user: str | None = None
    client_request_id: str | None = None

    @property
    def key(self) -> str:
        """The trace's id in MLflow."""
        return f"tr-{self.trace_id:032x}"


def summary_of(span: ReadableSpan, previews_set: Collection[str] = ()) -> TraceSummary:
    """Return what the outermost span of ours in a trace says of it.

    ``previews_set`` are the keys of the previews that the user set, as opposed to those derived.
    """
    attributes = span.attributes or {}
    parent = span.parent
    return TraceSummary(
        trace_id=span.context.trace_id if span.context is not None else 0,
        name=limits.text(attributes.get(attr.TRACE_NAME) or span.name, limits.NAME_LENGTH),
        start_ns=span.start_time or 0,
        end_ns=span.end_time or span.start_time or 0,
        failed=span.status.status_code is StatusCode.ERROR,
        request=_text(previews.request(attributes)),
        response=_text(previews.response(attributes)),
        request_set=attr.REQUEST_PREVIEW in previews_set,
        response_set=attr.RESPONSE_PREVIEW in previews_set,
        nested=parent is not None,
        remote=parent is not None and parent.is_remote,
        tags=_under(attributes, attr.TAG_PREFIX, limits.TAG_KEY_LENGTH, limits.TAG_VALUE_LENGTH),
        metadata=_under(attributes, attr.METADATA_PREFIX, limits.METADATA_LENGTH, limits.METADATA_LENGTH),
        session=_text(
            attributes.get(attr.SESSION_ID) or attributes.get(attr.CONVERSATION_ID), limits.ID_LENGTH
        ),
        user=_text(attributes.get(attr.USER_ID), limits.ID_LENGTH),
        client_request_id=_text(attributes.get(attr.CLIENT_REQUEST_ID), limits.ID_LENGTH),
    )


def _text(value: Any, length: int | None = None) -> str | None:
    return None if value is None or value == "" else limits.text(value, length)


def _under(attributes: Mapping[str, Any], prefix: str, key_length: int, length: int) -> dict[str, str]:
    return {
        limits.text(key[len(prefix) :], key_length): limits.text(value, length)
        for key, value in attributes.items()
        if key.startswith(prefix)
    }


def merged(first: TraceSummary, later: TraceSummary) -> TraceSummary:
    """Return one summary of two outermost spans of ours in one trace: what was set wins, then the later.

    The root of the whole trace needs no help but for tags and metadata.
    """
    tags, metadata = {**first.tags, **later.tags}, {**first.metadata, **later.metadata}
    if not later.nested:
        return replace(later, tags=tags, metadata=metadata)
    keeps_request = later.request is None or (first.request_set and not later.request_set)
    keeps_response = later.response is None or (first.response_set and not later.response_set)
    return replace(
        later,
        name=first.name,
        start_ns=min(first.start_ns, later.start_ns),
        end_ns=max(first.end_ns, later.end_ns),
        failed=first.failed or later.failed,
        request=first.request if keeps_request else later.request,
        request_set=first.request_set or later.request_set,
        response=first.response if keeps_response else later.response,
        response_set=first.response_set or later.response_set,
        remote=first.remote and later.remote,
        tags=tags,
        metadata=metadata,
        session=later.session or first.session,
        user=later.user or first.user,
        client_request_id=later.client_request_id or first.client_request_id,
    )


def covered(summary: TraceSummary, span: ReadableSpan) -> TraceSummary:
    """Return ``summary`` with the times and the outcome of the span, not one of ours, that encloses it."""
    return replace(
        summary,
        start_ns=min(summary.start_ns, span.start_time or summary.start_ns),
        end_ns=max(summary.end_ns, span.end_time or summary.end_ns),
        failed=span.status.status_code is StatusCode.ERROR,
        remote=span.parent is not None and span.parent.is_remote,
    )


def tag_attributes(summary: TraceSummary) -> dict[str, str]:
    """Return the attributes by which a root span without parent tells the server name and tags."""
    tags = {**summary.tags, limits.TRACE_NAME_TAG: summary.name}
    return {limits.TRACE_TAG_PREFIX + key: value for key, value in tags.items()}


def says_all(summary: TraceSummary, inputs: Any, outputs: Any) -> bool:
    """Whether the server shows the same from the root span alone, so that nothing needs to be said by REST.

    ``inputs`` and ``outputs`` are the root's, as sent.
    """
    if summary.nested or summary.metadata or summary.client_request_id is not None:
        return False
    shown = ((summary.request, inputs, "user"), (summary.response, outputs, "assistant"))
    return all(preview == _servers_preview(content, role) for preview, content, role in shown)


def _servers_preview(content: Any, role: str) -> str | None:
    """Return the preview that the server derives from a root's content; "" where that isn't foreseeable."""
    if content is None:
        return None
    if not isinstance(content, str) or content[:1] not in ("{", "[") or len(content) > 100_000:
        return ""
    found = recorded(content)
    if found is None:
        return ""
    text: Any = content
    if isinstance(found, dict) and not _READ_AS_MESSAGES.isdisjoint(found):
        text = _last_said(found, role)
    return text if isinstance(text, str) and len(text) < 1_000 else ""


def _last_said(found: Mapping[str, Any], role: str) -> Any:
    """Return the text of the last message with ``role`` in what we send for a chat."""
    choices = found.get("choices")
    messages = [choices[0]["message"]] if set(found) == {"choices"} and choices else found.get("messages")
    if not messages or not set(found) <= {"choices", "messages"} or (choices and len(choices) > 1):
        return None
    said = next((one for one in reversed(messages) if one.get("role") == role), None)
    return said and said.get("content")


def rest_body(summary: TraceSummary, experiment_id: str) -> dict[str, Any]:
    """Return the body of ``POST /api/3.0/mlflow/traces``; the server merges it into what the spans said."""
    about = {SESSION: summary.session, USER: summary.user}
    info = {
        "trace_id": summary.key,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment_id},
        },
        "request_time": _time(summary.start_ns),
        "execution_duration": f"{max(summary.end_ns - summary.start_ns, 0) / 1e9:.9f}s",
        "state": "ERROR" if summary.failed else "OK",
        "request_preview": summary.request,
        "response_preview": summary.response,
        "client_request_id": summary.client_request_id,
        "tags": {**summary.tags, limits.TRACE_NAME_TAG: summary.name},
        "trace_metadata": {**summary.metadata, **{key: value for key, value in about.items() if value}},
    }
    return {"trace": {"trace_info": {key: value for key, value in info.items() if value is not None}}}


def beneath(body: dict[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``body`` so that it only adds to what the process of the trace's true root said.

    ``there`` is the trace's information on the server.
    """
    info = dict(body["trace"]["trace_info"])
    for key in ("request_preview", "response_preview", "client_request_id"):
        info.pop(key, None)
    kept = ("request_time", "execution_duration", "state", "client_request_id")
    info.update({key: there[key] for key in kept if there.get(key) is not None})
    for key in ("tags", "trace_metadata"):
        info[key] = {**info[key], **(there.get(key) or {})}
    return {"trace": {"trace_info": info}}


def is_finished(there: Mapping[str, Any]) -> bool:
    """Whether the trace's information on the server was completed by the process of its true root."""
    return (there.get("trace_metadata") or {}).get("mlflow.trace.infoFinalized") == "true"


def _time(ns: int) -> str:
    moment = datetime.fromtimestamp(ns // 1_000_000_000, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns // 1_000_000 % 1_000:03d}Z"
