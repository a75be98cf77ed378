"""Managed agents (``beta.agents``): each turn of a session is one invocation of a remote agent.

A turn begins where input is submitted: ``sessions.create`` with input, or ``sessions.events.create`` with a
message. What comes of it (usage, answer, failure) is told by the session's events alone. So the span lasts until the
turn's last event where this process reads them: from the stream that ``create(stream=True)`` returns, or from
``events.stream`` opened before the input was sent, as the helper ``sessions.stream`` does. Otherwise it covers the
submission only, and has no usage. Reading events, looking after sessions, and answering an agent's calls, which its
turn waits for, have no span; nor have automations, which run agents on their own schedule.
"""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field, kind_of, sequence, string
from genai_otel.content.parts import text_part
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests
from .agents_sessions import CreatedSession, Submission, Subscription
from .agents_turn import identify
from .api import Api, Request
from .exchange import Exchange

_MESSAGE: Final = "agent.session.input.message"


def start_session(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for a session."""
    agent = request.body.get("agent")
    found = requests.inference(agent if isinstance(agent, dict) else {}, None, stream=False)
    identity = request.body.get("agent_id")
    if isinstance(identity, str):
        found[attr.AGENT_ID] = identity
    return found


def record_session_request(op: Operation, request: Request) -> None:
    """Record the input, and what the agent is told for this session."""
    agent = request.body.get("agent")
    instructions, tools = field(agent, "instructions"), field(agent, "tools")
    _record_input(op, request.body.get("input"))
    if instructions:
        writers.write_content(op, attr.SYSTEM_INSTRUCTIONS, lambda: [text_part(instructions)], captured=True)
    if tools:
        writers.write_content(op, attr.TOOL_DEFINITIONS, lambda: tool_definitions(tools), captured=True)


def start_turn(request: Request) -> dict[str, Any]:
    """Return the attributes of a request that submits input to a session."""
    return {attr.CONVERSATION_ID: request.params["session_id"]}


def record_turn_request(op: Operation, request: Request) -> None:
    """Record the messages that are submitted."""
    given = [message for event in _messages(request) for message in sequence(field(event, "input"))]
    _record_input(op, given)


def record_nothing(op: Operation, answer: Any) -> None:
    """Record nothing: the answer to submitted input is empty."""


def _record_input(op: Operation, given: Any) -> None:
    if given:
        writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(given), captured=True)


def _messages(request: Request) -> list[Any]:
    return [event for event in sequence(request.body.get("events")) if kind_of(event) == _MESSAGE]


def _open_session(api: Api, request: Request, *rest: Any) -> Exchange | None:
    """Make the exchange of a request for a session; one without input has the agent do nothing yet."""
    if request.body.get("input"):
        return Exchange(api, request, *rest)
    return Subscription(api, request, *rest) if request.stream else None


def _open_turn(api: Api, request: Request, *rest: Any) -> Exchange | None:
    """Make the exchange of a request that submits events, if there is a message among them."""
    return Submission(api, request, *rest) if _messages(request) else None


def record_session(op: Operation, session: Any) -> None:
    """Record an ``AgentSession``: an SDK object or plain JSON."""
    op.set(attr.CONVERSATION_ID, string(field(session, "id")))
    identify(op, field(session, "agent"))


_RULES: Final = AUTOMATIC["invoke_agent"]
SESSION: Final = Api(
    _RULES, start_session, record_session_request, record_session, CreatedSession, exchange=_open_session
)
TURN: Final = Api(_RULES, start_turn, record_turn_request, record_nothing, exchange=_open_turn)
EVENTS: Final = Api(_RULES, start_turn, record_nothing, record_nothing, exchange=Subscription)
