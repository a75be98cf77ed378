"""An in-house gateway to language models, traced by hand: one LLM span says everything that autolog would.

Nothing here knows the OpenAI SDK: the gateway speaks JSON over HTTP. `set_model`, `set_usage` and
`set_finish_reasons` fill the attributes of the GenAI conventions, which give the metrics for tokens and duration as
well; `inject_headers` carries the trace to the gateway.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer

genai_otel.configure("gateway", capture_content=True)


class Gateway:
    """The company's own client: one model behind an alias, one method."""

    def __init__(self, base_url: str, alias: str = "house-small") -> None:
        self._url = f"{base_url}/chat/completions"
        self._alias = alias

    def ask(self, messages: list[dict[str, str]], temperature: float = 0.2) -> str:
        attributes = {"gen_ai.request.temperature": temperature}
        with genai_otel.start_span(
            span_type=SpanType.LLM,
            model=self._alias,
            provider="acme.gateway",
            inputs=messages,
            attributes=attributes,
        ) as span:
            answer = self._post({"model": self._alias, "messages": messages, "temperature": temperature})
            choice, usage = answer["choices"][0], answer["usage"]
            span.set_model(response=answer["model"])
            span.set_usage(usage["prompt_tokens"], usage["completion_tokens"])
            span.set_finish_reasons([choice["finish_reason"]])
            span.set_outputs(choice["message"])
            return str(choice["message"]["content"])

    def _post(self, body: dict[str, Any]) -> Any:
        headers = genai_otel.inject_headers({"Content-Type": "application/json"})
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return json.load(response)


@genai_otel.trace
def greet(gateway: Gateway, name: str) -> str:
    return gateway.ask([{"role": "user", "content": f"Say hello to {name}"}])


if __name__ == "__main__":
    with OpenAIServer() as server:
        house = Gateway(server.base_url)
        print(greet(house, "Ada"))
        server.script("/chat/completions", ["status=503"])
        try:
            greet(house, "Grace")
        except urllib.error.HTTPError as error:  # recorded on both spans, and raised unchanged
            print(f"the gateway said {error.code}")
