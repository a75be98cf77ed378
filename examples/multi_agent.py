"""Agents that hand over to each other: each turn of an agent is an AGENT span, the hand-over a TOOL span.

The triage agent offers the model one `transfer_to_...` tool per colleague. The one that the model calls takes over,
as a sibling in the workflow. Every AGENT span, and the workflow, sums the tokens of the model calls made inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import openai

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer

genai_otel.configure("multi-agent", capture_content=True)
genai_otel.autolog()


@dataclass
class Agent:
    name: str
    instructions: str
    colleagues: list[Agent] = field(default_factory=list)

    def tools(self) -> list[Any]:
        return [
            {"type": "function", "function": {"name": f"transfer_to_{colleague.name}", "parameters": {}}}
            for colleague in self.colleagues
        ]


BILLING = Agent("billing", "You answer questions about invoices.")
REPAIRS = Agent("repairs", "You book repairs.")
TRIAGE = Agent("triage", "You hand over to the right colleague.", [BILLING, REPAIRS])


def turn(client: openai.OpenAI, agent: Agent, history: list[Any]) -> Agent | None:
    """Let one agent act; return the colleague it hands over to, if any."""
    with genai_otel.start_span(span_type=SpanType.AGENT, inputs=history) as span:
        span.set_agent(name=agent.name, description=agent.instructions)
        system = {"role": "system", "content": agent.instructions}
        tools = {"tools": agent.tools()} if agent.colleagues else {}
        reply = client.chat.completions.create(model="gpt-4o-mini", messages=[system, *history], **tools)
        message = reply.choices[0].message
        history.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls or []:
            return hand_over(agent, call, history)
        span.set_outputs(message.content)
        return None


def hand_over(agent: Agent, call: Any, history: list[Any]) -> Agent:
    with genai_otel.start_span(span_type=SpanType.TOOL, inputs={}) as span:
        span.set_tool_call(name=call.function.name, id=call.id, type="function")
        colleague = next(one for one in agent.colleagues if call.function.name.endswith(one.name))
        span.set_outputs(f"{colleague.name} takes over")
        history.append({"role": "tool", "tool_call_id": call.id, "content": "Your turn."})
        return colleague


@genai_otel.trace(span_type=SpanType.WORKFLOW, name="help_desk", capture_inputs=["question"])
def help_desk(client: openai.OpenAI, question: str) -> str:
    history: list[Any] = [{"role": "user", "content": question}]
    agent: Agent | None = TRIAGE
    while agent is not None:
        agent = turn(client, agent, history)
    return str(history[-1]["content"])


if __name__ == "__main__":
    with OpenAIServer() as server:
        server.script(
            "/chat/completions", ["tool=transfer_to_billing", "text=The second charge is refunded."]
        )
        openai_client = openai.OpenAI(api_key="none", base_url=server.base_url)
        print(help_desk(openai_client, "Why was I charged twice?"))
