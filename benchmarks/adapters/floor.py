"""A competent engineer with the OpenTelemetry SDK: ``start_as_current_span``, ``set_attribute``, ``json.dumps``."""

from __future__ import annotations

import functools
import inspect
import json
import time
from typing import Any

from opentelemetry import trace

_tracer: Any = None
_content = False


def install(provider: Any, content: bool) -> None:
    global _tracer, _content
    _tracer, _content = trace.get_tracer("floor", "1"), content


def _inputs(span: Any, signature: inspect.Signature, args: Any, kwargs: Any) -> None:
    span.set_attribute("openinference.span.kind", "CHAIN")
    if _content:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        span.set_attribute("input.value", json.dumps(dict(bound.arguments)))
        span.set_attribute("input.mime_type", "application/json")


def _output(span: Any, value: Any) -> None:
    if _content:
        span.set_attribute("output.value", json.dumps(value))
        span.set_attribute("output.mime_type", "application/json")


def sync(fn: Any) -> Any:
    signature, name = inspect.signature(fn), fn.__name__

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _tracer.start_as_current_span(name) as span:
            _inputs(span, signature, args, kwargs)
            result = fn(*args, **kwargs)
            _output(span, result)
            return result

    return wrapper


def coroutine(fn: Any) -> Any:
    signature, name = inspect.signature(fn), fn.__name__

    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _tracer.start_as_current_span(name) as span:
            _inputs(span, signature, args, kwargs)
            result = await fn(*args, **kwargs)
            _output(span, result)
            return result

    return wrapper


def generator(fn: Any) -> Any:
    signature, name = inspect.signature(fn), fn.__name__

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _tracer.start_as_current_span(name) as span:
            _inputs(span, signature, args, kwargs)
            items = []
            for item in fn(*args, **kwargs):
                if _content:
                    items.append(item)
                yield item
            _output(span, items)

    return wrapper


def block(inputs: Any, work: Any) -> Any:
    with _tracer.start_as_current_span("block") as span:
        span.set_attribute("openinference.span.kind", "CHAIN")
        span.set_attribute("input.value", json.dumps(inputs))
        span.set_attribute("input.mime_type", "application/json")
        result = work()
        span.set_attribute("output.value", json.dumps(result))
        span.set_attribute("output.mime_type", "application/json")
        return result


def openai() -> None:
    from openai.resources.chat.completions import Completions
    from openai.resources.embeddings import Embeddings

    Completions.create = _chat(Completions.create)  # type: ignore[method-assign]
    Embeddings.create = _embeddings(Embeddings.create)  # type: ignore[method-assign]


def _start(span: Any, operation: str, client: Any, model: str) -> None:
    span.set_attribute("gen_ai.operation.name", operation)
    span.set_attribute("gen_ai.provider.name", "openai")
    span.set_attribute("gen_ai.request.model", model)
    span.set_attribute("server.address", client.base_url.host)
    span.set_attribute("server.port", client.base_url.port or 443)


def _messages(messages: Any) -> str:
    return json.dumps(
        [{"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]} for one in messages]
    )


def _answered(span: Any, response: Any) -> None:
    span.set_attribute("gen_ai.response.id", response.id)
    span.set_attribute("gen_ai.response.model", response.model)
    span.set_attribute(
        "gen_ai.response.finish_reasons", [choice.finish_reason for choice in response.choices]
    )
    span.set_attribute("gen_ai.usage.input_tokens", response.usage.prompt_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", response.usage.completion_tokens)
    if _content:
        said = [{"role": "assistant", "content": choice.message.content} for choice in response.choices]
        span.set_attribute("gen_ai.output.messages", _messages(said))


def _chat(create: Any) -> Any:
    @functools.wraps(create)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = kwargs["model"]
        if kwargs.get("stream"):
            return _streamed(create, self, args, kwargs)
        with _tracer.start_as_current_span(f"chat {model}", kind=trace.SpanKind.CLIENT) as span:
            _start(span, "chat", self._client, model)
            if _content:
                span.set_attribute("gen_ai.input.messages", _messages(kwargs["messages"]))
            response = create(self, *args, **kwargs)
            _answered(span, response)
            return response

    return wrapper


def _streamed(create: Any, self: Any, args: Any, kwargs: Any) -> Any:
    model = kwargs["model"]
    span = _tracer.start_span(f"chat {model}", kind=trace.SpanKind.CLIENT)
    _start(span, "chat", self._client, model)
    span.set_attribute("gen_ai.request.stream", True)
    if _content:
        span.set_attribute("gen_ai.input.messages", _messages(kwargs["messages"]))
    began = time.perf_counter()
    with trace.use_span(span, end_on_exit=False):
        stream = create(self, *args, **kwargs)

    def watched() -> Any:
        text, first, usage, reason, chunk = [], None, None, None, None
        try:
            for chunk in stream:
                if first is None:
                    first = time.perf_counter() - began
                if chunk.usage is not None:
                    usage = chunk.usage
                for choice in chunk.choices:
                    if choice.finish_reason:
                        reason = choice.finish_reason
                    if _content and choice.delta.content:
                        text.append(choice.delta.content)
                yield chunk
        finally:
            if chunk is not None:
                span.set_attribute("gen_ai.response.id", chunk.id)
                span.set_attribute("gen_ai.response.model", chunk.model)
            span.set_attribute("gen_ai.response.time_to_first_chunk", first or 0.0)
            if usage is not None:
                span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
                span.set_attribute("gen_ai.usage.output_tokens", usage.completion_tokens)
            if reason:
                span.set_attribute("gen_ai.response.finish_reasons", [reason])
            if _content:
                said = [{"role": "assistant", "content": "".join(text)}]
                span.set_attribute("gen_ai.output.messages", _messages(said))
            span.end()

    return watched()


def _embeddings(create: Any) -> Any:
    @functools.wraps(create)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = kwargs["model"]
        with _tracer.start_as_current_span(f"embeddings {model}", kind=trace.SpanKind.CLIENT) as span:
            _start(span, "embeddings", self._client, model)
            response = create(self, *args, **kwargs)
            span.set_attribute("gen_ai.response.model", response.model)
            span.set_attribute("gen_ai.usage.input_tokens", response.usage.prompt_tokens)
            span.set_attribute("gen_ai.embeddings.dimension.count", len(response.data[0].embedding))
            return response

    return wrapper
