"""Ways to call the SDK, ordinary and odd, each of which has to behave the same with and without instrumentation.

A style is a function of a client. It returns what there is to compare, its inputs included: whatever the SDK made of
them, they have to be in the same state afterwards. What it raises is compared as well.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import gc
import io
import json
import math
import types
from collections import OrderedDict, UserDict
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pydantic
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from genai_otel.testing.server import OpenAIServer

from . import agents_service
from .socket_clients import QUICK, async_until, said, until

MODEL = "gpt-4o-mini"
QUESTION = "What is the capital of France?"
PNG = b"\x89PNG\r\n\x1a\n not really\n"

Style = Callable[[openai.OpenAI], Any]
AsyncStyle = Callable[[openai.AsyncOpenAI], Awaitable[Any]]

STYLES: dict[str, Style] = {}
ASYNC_STYLES: dict[str, AsyncStyle] = {}


def style(fn: Any) -> Any:
    """Add a function to the battery, under its own name."""
    name = fn.__name__.replace("_", " ")
    (ASYNC_STYLES if asyncio.iscoroutinefunction(fn) else STYLES)[name] = fn
    return fn


def mock(line: str) -> dict[str, str]:
    return {"x-mock": line} if line else {}


def given(answer: Any) -> str:
    """The behaviour of a server that answers with this."""
    return f"body={answer if isinstance(answer, str) else json.dumps(answer)}"


def messages() -> list[Any]:
    return [{"role": "user", "content": QUESTION}]


class Step(pydantic.BaseModel):
    title: str
    minutes: int


class Role(str, enum.Enum):
    USER = "user"


@dataclasses.dataclass
class Message:
    role: str = "user"
    content: str = QUESTION


class Text(str):
    pass


WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
RUN_CODE: Any = {"type": "custom", "custom": {"name": "run_code"}}
CALL: Any = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
}


def once(*items: Any) -> Iterator[Any]:
    """A generator, which can be read only once."""
    yield from items


# --- chat: what may be passed ---------------------------------------------------------------------------------
PARAMS: dict[str, Callable[[], dict[str, Any]]] = {
    "a plain question": dict,
    "an iterator of messages": lambda: {"messages": iter(messages())},
    "a generator of messages": lambda: {"messages": once(*messages(), *messages())},
    "a tuple of messages": lambda: {"messages": tuple(messages())},
    "messages as mappings": lambda: {"messages": [types.MappingProxyType({"role": "user", "content": "hi"})]},
    "messages as user dicts": lambda: {"messages": [UserDict(role="user", content="hi")]},
    "messages as ordered dicts": lambda: {"messages": [OrderedDict(role="user", content="hi")]},
    "messages as pydantic objects": lambda: {
        "messages": [*messages(), ChatCompletionMessage(role="assistant", content="Paris"), *messages()]
    },
    "messages as dataclasses": lambda: {"messages": [Message()]},
    "one message instead of a list": lambda: {"messages": messages()[0]},
    "messages as a string": lambda: {"messages": QUESTION},
    "no messages": lambda: {"messages": []},
    "messages that are none": lambda: {"messages": None},
    "content as a generator of parts": lambda: {
        "messages": [{"role": "user", "content": once({"type": "text", "text": "hi"})}]
    },
    "content as a subclass of str": lambda: {"messages": [{"role": Role.USER, "content": Text("hi")}]},
    "content that is none": lambda: {"messages": [{"role": "assistant", "content": None}, *messages()]},
    "content as a number": lambda: {"messages": [{"role": "user", "content": 5}]},
    "content as bytes": lambda: {"messages": [{"role": "user", "content": b"hi"}]},
    "content as a decimal": lambda: {"messages": [{"role": "user", "content": Decimal(1)}]},
    "content that refers to itself": lambda: {"messages": circular()},
    "content with a lone surrogate": lambda: {"messages": [{"role": "user", "content": "a\udc80b"}]},
    "content in many scripts": lambda: {
        "messages": [{"role": "user", "content": "héllo 你好 🎉 \u0000 \u2028"}]
    },
    "a big image": lambda: {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64," + "iVBORw0K" * 64_000},
                    },
                ],
            }
        ]
    },
    "sound and a file": lambda: {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "from_the_future", "thing": [1, 2]},
                ],
            }
        ]
    },
    "tools": lambda: {"tools": [WEATHER, RUN_CODE]},
    "a generator of tools": lambda: {"tools": once(WEATHER, RUN_CODE)},
    "tools as an iterator": lambda: {"tools": iter([WEATHER])},
    "a tool with a pydantic object inside": lambda: {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": Step(title="x", minutes=1)}}]
    },
    "a tool made from a model": lambda: {"tools": [openai.pydantic_function_tool(Step)]},
    "no tools": lambda: {"tools": []},
    "legacy functions": lambda: {"functions": [WEATHER["function"]], "function_call": "auto"},
    "arguments as a dict": lambda: {
        "messages": [
            *messages(),
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "cold"}]},
        ]
    },
    "arguments that are null": lambda: {
        "messages": [
            *messages(),
            {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": None}}]},
        ]
    },
    "tool calls that are null": lambda: {
        "messages": [{"role": "assistant", "tool_calls": None}, *messages()]
    },
    "three choices": lambda: {"n": 3},
    "n as a string": lambda: {"n": "2"},
    "every parameter": lambda: {
        "temperature": 0.5,
        "top_p": 1,
        "seed": 7,
        "max_completion_tokens": 50,
        "frequency_penalty": 0.1,
        "presence_penalty": 0,
        "stop": ["END", "STOP"],
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {"50256": -100},
        "metadata": {"k": "v"},
        "store": True,
        "user": "user-1",
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "verbosity": "low",
    },
    "parameters of the wrong kind": lambda: {
        "temperature": "hot",
        "stop": 5,
        "seed": [1],
        "max_tokens": None,
    },
    "a generator of stops": lambda: {"stop": once("END")},
    "a temperature that is no number": lambda: {"temperature": math.nan},
    "omitted and not given": lambda: {
        "temperature": openai.omit,
        "n": openai.NOT_GIVEN,
        "top_p": openai.not_given,
    },
    "nulls": lambda: {"temperature": None, "tools": None, "stop": None, "response_format": None},
    "a json format": lambda: {"response_format": {"type": "json_object"}},
    "a schema": lambda: {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "s", "schema": Step.model_json_schema()},
        }
    },
    "spoken output": lambda: {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "an extra body": lambda: {"extra_body": {"temperature": 0.25, "top_k": 40, "n": 2}},
    "an extra query": lambda: {"extra_query": {"a": "b", "list": ["x", "y"]}},
    "extra headers": lambda: {"extra_headers": {"x-mine": "1", "Authorization": "Bearer other"}},
    "a timeout": lambda: {"timeout": httpx2.Timeout(5.0)},
    "a model that is none": lambda: {"model": None},
    "a model that is an enumeration": lambda: {"model": Role.USER},
    "a parameter that does not exist": lambda: {"no_such_parameter": 1},
    "a missing parameter": lambda: {"messages": openai.omit},
}


def circular() -> list[Any]:
    found: list[Any] = messages()
    found[0]["content"] = [{"type": "text", "text": found}]
    return found


def _chat_with(make: Callable[[], dict[str, Any]], *, stream: bool = False) -> Style:
    def call(client: openai.OpenAI) -> Any:
        params = {"model": MODEL, "messages": messages(), **make()}
        if stream:
            params["stream"] = True
        try:
            return client.chat.completions.create(**params), params
        except Exception as exc:
            return exc, params

    return call


STYLES |= {f"chat: {name}": _chat_with(make) for name, make in PARAMS.items()}
STYLES |= {
    f"chat stream: {name}": _chat_with(PARAMS[name], stream=True)
    for name in (
        "a plain question",
        "a generator of messages",
        "a generator of tools",
        "three choices",
        "legacy functions",
        "spoken output",
        "an extra body",
        "every parameter",
    )
}


# --- chat: what may be answered -------------------------------------------------------------------------------
def completion(message: Any = None, **more: Any) -> Any:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": message or {"role": "assistant", "content": "Hi"},
    }
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}


def chunk(delta: Any = None, **more: Any) -> Any:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": None}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


def calling(**function: Any) -> Any:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "a", "type": "function", "function": function}],
    }


ANSWERS: dict[str, str] = {
    "choices null": given({**completion(), "choices": None}),
    "no choices": given({**completion(), "choices": []}),
    "choices that are strings": given({**completion(), "choices": ["x"]}),
    "choices that are null": given({**completion(), "choices": [None]}),
    "choices missing": given({"id": "c"}),
    "usage null": given(completion(usage=None)),
    "usage as a string": given(completion(usage="many")),
    "usage with odd counts": given(completion(usage={"prompt_tokens": "5", "completion_tokens": -1})),
    "a message that is null": given({**completion(), "choices": [{"index": 0, "message": None}]}),
    "content as a list": given(
        completion({"role": "assistant", "content": [{"type": "text", "text": "Hi"}]})
    ),
    "arguments as a dict": given(completion(calling(name="f", arguments={"x": 1}))),
    "arguments null": given(completion(calling(name="f", arguments=None))),
    "a call without a function": given(completion({"role": "assistant", "tool_calls": [{"id": "a"}]})),
    "fields from the future": given(
        completion(**{"brand_new": {"deep": [1]}, "class": "x", "model_config": 1})
    ),
    "reasoning": "reasoning",
    "a refusal": "refusal",
    "a list": given([1, 2]),
    "a string": given('"text"'),
    "a number": given("7"),
    "null": given("null"),
    "nothing": "body= ",
    "no json": given("<html>Bad gateway</html>"),
    "not a number": given('{"id": "c", "choices": [], "created": NaN}'),
    "half a body": "abort_after=1",
    "an error in a success": given({"error": {"message": "overloaded", "code": "busy"}}),
    "bad request": "status=400;code=invalid_value;message=What?",
    "unauthorized": "status=401",
    "rate limited": "status=429;code=rate_limit_exceeded;type=requests",
    "server error": "status=500",
    "an error that is no json": "status=502;body=<html>Bad gateway</html>",
    "dropped": "drop",
}
CHUNKS: dict[str, str] = {
    "tool call deltas without an index": "tool_delta_noindex;tool=get_weather",
    "two tool calls": "tool_calls=2",
    "arguments as an object": given(
        [chunk({"tool_calls": [{"index": 0, "function": {"arguments": {"x": 1}}}]})]
    ),
    "arguments null in a delta": given(
        [chunk({"tool_calls": [{"index": None, "function": {"arguments": None}}]})]
    ),
    "tool calls that are strings": given([chunk({"tool_calls": ["x"]}), chunk({"tool_calls": "x"})]),
    "content as a list in a delta": given([chunk({"content": [{"type": "text", "text": "Hi"}]})]),
    "content as a number": given([chunk({"content": 5}), chunk({"content": "a"})]),
    "a delta that is null": given([{**chunk(), "choices": [{"index": 0, "delta": None}]}]),
    "a delta that is a string": given([chunk("text"), chunk({"content": "a"})]),
    "choices null in a chunk": given([{**chunk(), "choices": None}, chunk({"content": "a"})]),
    "choices missing in a chunk": given([{"id": "c"}, chunk({"content": "a"})]),
    "choices that are strings": given([{**chunk(), "choices": ["x"]}]),
    "a choice without an index": given([{**chunk(), "choices": [{"delta": {"content": "a"}}]}]),
    "usage null in a chunk": given([chunk({"content": "a"}, usage=None)]),
    "usage in every chunk": given([chunk({"content": "a"}, usage={"prompt_tokens": 1}), chunk(usage="x")]),
    "fields from the future": given([chunk({"content": "a", "brand_new": [1]}, also_new={"x": 1})]),
    "chunks that are lists and numbers": given([[1], 7, "text", None, chunk({"content": "a"})]),
    "an empty stream": given([]),
    "a stream without an end": "nodone",
    "a stream that is no json": "badjson",
    "an error in the stream": "error_after=3;message=overloaded;code=busy",
    "an error at once": "error_after=0",
    "a drop in the middle": "abort_after=3",
    "a drop at once": "abort_after=0",
    "reasoning": "reasoning",
    "a refusal": "refusal",
    "a refused stream": "status=429",
}


def _answered_with(line: str, **params: Any) -> Style:
    def call(client: openai.OpenAI) -> Any:
        return client.chat.completions.create(
            model=MODEL, messages=messages(), tools=[WEATHER, RUN_CODE], extra_headers=mock(line), **params
        )

    return call


STYLES |= {f"chat answered with {name}": _answered_with(line) for name, line in ANSWERS.items()}
STYLES |= {f"chat stream of {name}": _answered_with(line, stream=True) for name, line in CHUNKS.items()}


def _raw_answered_with(line: str, **params: Any) -> Style:
    def call(client: openai.OpenAI) -> Any:
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=messages(), extra_headers=mock(line), **params
        )
        return raw, raw.parse()

    return call


STYLES |= {
    f"chat raw answered with {name}": _raw_answered_with(ANSWERS[name])
    for name in (
        "choices null",
        "usage null",
        "no json",
        "nothing",
        "a string",
        "server error",
        "fields from the future",
    )
}
STYLES |= {
    f"chat raw stream of {name}": _raw_answered_with(CHUNKS[name], stream=True)
    for name in ("two tool calls", "an error in the stream", "a drop in the middle", "an empty stream")
}


# --- chat: how it may be called -------------------------------------------------------------------------------
@style
def chat_raw_that_is_never_parsed(client: openai.OpenAI) -> Any:
    return client.chat.completions.with_raw_response.create(model=MODEL, messages=messages())


@style
def chat_raw_parsed_into_other_types(client: openai.OpenAI) -> Any:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages())

    class Mine(openai.BaseModel):
        id: str
        choices: list[dict[str, Any]]

    same = raw.parse() is raw.parse()
    return (
        raw.parse(to=Mine),
        raw.parse(to=dict),
        raw.parse(to=str),
        raw.parse(to=httpx2.Response),
        same,
        raw.parse(),
    )


@style
def chat_streaming_response_read_in_every_way(client: openai.OpenAI) -> Any:
    found: list[Any] = []
    for how in ("parse", "text", "json", "read", "iter_lines", "iter_bytes", "iter_text"):
        with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=messages()
        ) as response:
            found.append((response.http_response.is_stream_consumed, response.http_response.is_closed))
            one = getattr(response, how)()
            found.append(list(one) if how.startswith("iter") else one)
        found.append((response.http_response.is_stream_consumed, response.http_response.is_closed))
    return found


@style
def chat_streaming_response_left_unread(client: openai.OpenAI) -> Any:
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=messages()) as response:
        pass
    return response, response.http_response.is_stream_consumed


@style
def chat_streaming_response_of_a_stream(client: openai.OpenAI) -> Any:
    create = client.chat.completions.with_streaming_response.create
    with create(model=MODEL, messages=messages(), stream=True) as response:
        parsed = list(response.parse())
    with create(model=MODEL, messages=messages(), stream=True) as response:
        lines = list(response.iter_lines())
    return parsed, lines


@style
def chat_stream_left_early(client: openai.OpenAI) -> Any:
    stream = client.chat.completions.create(
        model=MODEL, messages=messages(), stream=True, extra_headers=mock("chunk_delay=0.05")
    )
    first = [next(stream), next(iter(stream))]
    stream.close()
    late: list[Any] = []
    try:
        late.extend(stream)
    except Exception as exc:
        late.append(exc)
    return first, late, stream.response.is_closed, type(stream)


@style
def chat_stream_in_a_with_block(client: openai.OpenAI) -> Any:
    with client.chat.completions.create(model=MODEL, messages=messages(), stream=True) as stream:
        found = next(iter(stream))
    return found, stream.response.is_closed


@style
def chat_stream_with_usage(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(
        model=MODEL, messages=messages(), stream=True, stream_options={"include_usage": True}
    )


@style
def chat_stream_read_twice(client: openai.OpenAI) -> Any:
    stream = client.chat.completions.create(model=MODEL, messages=messages(), stream=True)
    return list(stream), list(stream), next(stream, "the end")


@style
def chat_parse(client: openai.OpenAI) -> Any:
    return client.chat.completions.parse(model=MODEL, messages=messages(), response_format=Step)


@style
def chat_parse_cut_short(client: openai.OpenAI) -> Any:
    return client.chat.completions.parse(
        model=MODEL, messages=messages(), response_format=Step, extra_headers=mock("finish=length")
    )


@style
def chat_parse_filtered(client: openai.OpenAI) -> Any:
    return client.chat.completions.parse(
        model=MODEL, messages=messages(), response_format=Step, extra_headers=mock("finish=content_filter")
    )


@style
def chat_parse_that_does_not_fit(client: openai.OpenAI) -> Any:
    return client.chat.completions.parse(
        model=MODEL, messages=messages(), response_format=Step, extra_headers=mock("text=no json")
    )


@style
def chat_parse_with_a_tool(client: openai.OpenAI) -> Any:
    return client.chat.completions.parse(
        model=MODEL, messages=messages(), tools=[openai.pydantic_function_tool(Step)]
    )


@style
def chat_parse_raw(client: openai.OpenAI) -> Any:
    return client.chat.completions.with_raw_response.parse(
        model=MODEL, messages=messages(), response_format=Step
    ).parse()


@style
def chat_helper(client: openai.OpenAI) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=messages(), tools=[WEATHER]) as stream:
        return list(stream), stream.get_final_completion(), type(stream)


@style
def chat_helper_with_a_format(client: openai.OpenAI) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=messages(), response_format=Step) as stream:
        return stream.get_final_completion()


@style
def chat_helper_left_early(client: openai.OpenAI) -> Any:
    with client.chat.completions.stream(model=MODEL, messages=messages()) as stream:
        first = next(iter(stream))
        snapshot = stream.current_completion_snapshot
    return first, snapshot, stream._raw_stream.response.is_closed


@style
def chat_helper_that_fails(client: openai.OpenAI) -> Any:
    with client.chat.completions.stream(
        model=MODEL, messages=messages(), extra_headers=mock("error_after=3")
    ) as stream:
        return list(stream)


@style
def chat_through_a_copied_client(client: openai.OpenAI) -> Any:
    copied = client.with_options(timeout=3, max_retries=1).copy(default_headers={"x-mine": "1"})
    return copied.chat.completions.create(model=MODEL, messages=messages())


@style
def chat_with_strict_validation(client: openai.OpenAI) -> Any:
    with openai.OpenAI(api_key="test", base_url=client.base_url, _strict_response_validation=True) as strict:
        return strict.chat.completions.create(
            model=MODEL, messages=messages(), extra_headers=mock(given({"id": 1, "choices": "x"}))
        )


@style
def chat_through_azure(client: openai.OpenAI) -> Any:
    endpoint = str(client.base_url).removesuffix("/v1/")
    with openai.AzureOpenAI(api_key="test", api_version="2024-10-21", azure_endpoint=endpoint) as azure:
        return (
            azure.chat.completions.create(model="deployment", messages=messages()),
            list(azure.chat.completions.create(model="deployment", messages=messages(), stream=True)),
        )


@style
def chat_through_the_module(client: openai.OpenAI) -> Any:
    openai.api_key, openai.base_url = "test", client.base_url
    try:
        return openai.chat.completions.create(model=MODEL, messages=messages())
    finally:
        openai.api_key = openai.base_url = None
        openai._reset_client()


@style
def chat_through_a_client_of_the_callers_own(client: openai.OpenAI) -> Any:
    seen: list[str] = []

    class Transport(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            seen.append(str(request.url.path))
            return super().handle_request(request)

    with openai.OpenAI(
        api_key="test", base_url=client.base_url, http_client=httpx2.Client(transport=Transport())
    ) as own:
        return own.chat.completions.create(model=MODEL, messages=messages()), seen


def by_hand(cast_to: Any, **more: Any) -> Style:
    def call(client: openai.OpenAI) -> Any:
        body = {"model": MODEL, "messages": messages(), **more.pop("body", {})}
        return client.post("/chat/completions", cast_to=cast_to, body=body, **more), body

    return call


STYLES |= {
    "by hand into a model": by_hand(ChatCompletion),
    "by hand into a dict": by_hand(dict[str, Any]),
    "by hand into a string": by_hand(str),
    "by hand into a response": by_hand(httpx2.Response),
    "by hand into an object": by_hand(object),
    "by hand into nothing": by_hand(type(None)),
    "by hand into bytes": by_hand(openai.types.chat.ChatCompletionChunk),
}


@style
def by_hand_with_options_used_twice(client: openai.OpenAI) -> Any:
    from openai._models import FinalRequestOptions

    options = FinalRequestOptions.construct(
        method="post", url="/chat/completions", json_data={"model": MODEL, "messages": messages()}
    )
    answers = [client.request(dict[str, Any], options) for _ in range(2)]
    return answers, options.json_data, options.post_parser, options.url, options.headers


@style
def by_hand_a_stream(client: openai.OpenAI) -> Any:
    return client.post(
        "/chat/completions",
        cast_to=ChatCompletion,
        body={"model": MODEL, "messages": messages(), "stream": True},
        stream=True,
        stream_cls=openai.Stream[openai.types.chat.ChatCompletionChunk],
    )


@style
def by_hand_without_a_body(client: openai.OpenAI) -> Any:
    return client.post("/chat/completions", cast_to=dict[str, Any])


@style
def by_hand_with_bytes(client: openai.OpenAI) -> Any:
    body = json.dumps({"model": MODEL, "messages": messages()}).encode()
    return client.post(
        "/chat/completions",
        cast_to=dict[str, Any],
        content=body,
        options={"headers": {"content-type": "application/json"}},
    )


# --- failing to reach a server --------------------------------------------------------------------------------
@style
def retries_that_succeed(client: openai.OpenAI) -> Any:
    found = []
    for status in (429, 500, 503, 408, 409):
        retrying = client.with_options(max_retries=2)
        line = f"status={status};times=2;retry_after=0.001"
        raw = retrying.chat.completions.with_raw_response.create(
            model=MODEL, messages=messages(), extra_headers=mock(line)
        )
        found.append((raw.retries_taken, raw.parse()))
    return found


@style
def retries_that_do_not(client: openai.OpenAI) -> Any:
    return client.with_options(max_retries=1).chat.completions.create(
        model=MODEL, messages=messages(), extra_headers=mock("status=500;retry_after=0.001")
    )


@style
def retries_of_a_generator(client: openai.OpenAI) -> Any:
    return client.with_options(max_retries=2).chat.completions.create(
        model=MODEL, messages=once(*messages()), extra_headers=mock("status=500;times=1;retry_after=0.001")
    )


@style
def a_timeout(client: openai.OpenAI) -> Any:
    return client.with_options(timeout=0.1).chat.completions.create(
        model=MODEL, messages=messages(), extra_headers=mock("delay=0.5")
    )


@style
def a_timeout_in_a_stream(client: openai.OpenAI) -> Any:
    return client.with_options(timeout=0.1).chat.completions.create(
        model=MODEL, messages=messages(), stream=True, extra_headers=mock("chunk_delay=0.5")
    )


@style
def a_connection_that_is_refused(client: openai.OpenAI) -> Any:
    with openai.OpenAI(api_key="test", base_url="http://127.0.0.1:9/v1", max_retries=0) as nowhere:
        return nowhere.chat.completions.create(model=MODEL, messages=messages())


@style
def a_closed_client(client: openai.OpenAI) -> Any:
    client.close()
    return client.chat.completions.create(model=MODEL, messages=messages())


@style
def no_api_key(client: openai.OpenAI) -> Any:
    return openai.OpenAI(api_key="", base_url=client.base_url).chat.completions.create(
        model=MODEL, messages=messages()
    )


# --- completions, embeddings ----------------------------------------------------------------------------------
COMPLETIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "a string": lambda: {"prompt": "Say hello"},
    "a list": lambda: {"prompt": ["one", "two"], "n": 2},
    "token ids": lambda: {"prompt": [1, 2, 3]},
    "nothing": lambda: {"prompt": None},
    "everything": lambda: {
        "prompt": "x",
        "echo": True,
        "logprobs": 1,
        "suffix": "!",
        "best_of": 2,
        "stop": "\n",
    },
    "a stream": lambda: {"prompt": "Say hello", "stream": True},
    "odd choices": lambda: {"prompt": "x", "extra_headers": mock(given({"choices": [None, {"text": 5}]}))},
}
STYLES |= {
    f"completions: {name}": lambda client, make=make: client.completions.create(model=MODEL, **make())  # type: ignore[misc]
    for name, make in COMPLETIONS.items()
}
EMBEDDED: dict[str, Callable[[], dict[str, Any]]] = {
    "a string": lambda: {"input": "hello"},
    "a list": lambda: {"input": ["a", "b", "c"]},
    "token ids": lambda: {"input": [[1, 2], [3]]},
    "a generator": lambda: {"input": once("a", "b")},
    "floats": lambda: {"input": "hello", "encoding_format": "float"},
    "base64": lambda: {"input": "hello", "encoding_format": "base64"},
    "few dimensions": lambda: {"input": "hello", "dimensions": 8},
    "odd data": lambda: {
        "input": "x",
        "extra_headers": mock(given({"data": [{"embedding": None}], "usage": 5})),
    },
    "no data": lambda: {"input": "x", "extra_headers": mock(given({"data": []}))},
    "data null": lambda: {"input": "x", "extra_headers": mock(given({"data": None}))},
}
STYLES |= {
    f"embeddings of {name}": lambda client, make=make: client.embeddings.create(
        model="text-embedding-3-small", **make()
    )  # type: ignore[misc]
    for name, make in EMBEDDED.items()
}


@style
def embeddings_raw(client: openai.OpenAI) -> Any:
    raw = client.embeddings.with_raw_response.create(model="text-embedding-3-small", input=["a", "b"])
    return raw, raw.parse()


# --- responses ------------------------------------------------------------------------------------------------
ASKED: dict[str, Callable[[], dict[str, Any]]] = {
    "a string": lambda: {"input": QUESTION},
    "a list": lambda: {"input": [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]},
    "a generator": lambda: {"input": once({"role": "user", "content": "hi"})},
    "nothing": dict,
    "instructions and more": lambda: {
        "input": QUESTION,
        "instructions": "Be brief.",
        "temperature": 0.1,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "text"}},
        "previous_response_id": None,
        "conversation": {"id": "conv_1"},
        "metadata": {"a": "b"},
        "include": ["message.output_text.logprobs"],
    },
    "a stored prompt": lambda: {
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"x": "y"}},
        "input": "hi",
    },
    "tools": lambda: {
        "input": "What's the weather?",
        "tools": [
            {"type": "function", **WEATHER["function"]},
            {"type": "web_search"},
            {"type": "from_the_future"},
        ],
    },
    "what was answered before": lambda: {
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "item_reference", "id": "msg_1"},
            {"type": "from_the_future", "thing": 1},
        ]
    },
}
RESPONDED: dict[str, str] = {
    "every kind of item": "items=all",
    "items from the future": given(
        {
            "id": "r",
            "object": "response",
            "output": [{"type": "mind_reading_call", "id": "m", "thoughts": [1]}, 5, None],
        }
    ),
    "output null": given({"id": "r", "object": "response", "output": None, "usage": None}),
    "a failure that is a success": "status_text=failed",
    "an incomplete answer": "status_text=incomplete",
    "no json": given("<html>"),
    "a server error": "status=500",
}
EVENTS: dict[str, str] = {
    "an answer": "",
    "every kind of item": "items=all",
    "a failure": "status_text=failed",
    "an incomplete answer": "status_text=incomplete",
    "an error": "error_after=4",
    "a nested error": "error_after=4;error_nested",
    "a drop": "abort_after=5",
    "events from the future": given(
        [{"type": "response.telepathy", "x": [1]}, {"type": None}, {}, {"type": 5}]
    ),
    "events that are no objects": given([1, "x", None, [2]]),
}


def _responses_with(make: Callable[[], dict[str, Any]]) -> Style:
    def call(client: openai.OpenAI) -> Any:
        params = make()
        try:
            return client.responses.create(model=MODEL, **params), params
        except Exception as exc:
            return exc, params

    return call


def _responded_with(line: str, **params: Any) -> Style:
    return lambda client: client.responses.create(
        model=MODEL, input=QUESTION, extra_headers=mock(line), **params
    )


STYLES |= {f"responses: {name}": _responses_with(make) for name, make in ASKED.items()}
STYLES |= {f"responses answered with {name}": _responded_with(line) for name, line in RESPONDED.items()}
STYLES |= {f"responses stream of {name}": _responded_with(line, stream=True) for name, line in EVENTS.items()}


@style
def responses_parse(client: openai.OpenAI) -> Any:
    return client.responses.parse(model=MODEL, input=QUESTION, text_format=Step)


@style
def responses_parse_that_does_not_fit(client: openai.OpenAI) -> Any:
    return client.responses.parse(
        model=MODEL, input="x", text_format=Step, extra_headers=mock("text=no json")
    )


@style
def responses_helper(client: openai.OpenAI) -> Any:
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        return list(stream), stream.get_final_response()


@style
def responses_raw_and_streaming(client: openai.OpenAI) -> Any:
    raw = client.responses.with_raw_response.create(model=MODEL, input=QUESTION)
    events = list(client.responses.with_raw_response.create(model=MODEL, input=QUESTION, stream=True).parse())
    with client.responses.with_streaming_response.create(model=MODEL, input=QUESTION) as response:
        consumed = response.http_response.is_stream_consumed
        text = response.text()
    return raw, raw.parse(), events, consumed, text


@style
def responses_retrieved_and_more(client: openai.OpenAI) -> Any:
    created = client.responses.create(model=MODEL, input=QUESTION, background=True)
    return (
        client.responses.retrieve(created.id),
        list(client.responses.retrieve(created.id, stream=True)),
        client.responses.cancel(created.id),
        client.responses.input_items.list(created.id).data,
        client.responses.input_tokens.count(model=MODEL, input=QUESTION),
        client.responses.delete(created.id),
    )


@style
def responses_that_do_not_exist(client: openai.OpenAI) -> Any:
    return client.responses.retrieve("resp_none")


@style
def responses_compacted(client: openai.OpenAI) -> Any:
    return client.responses.compact(model=MODEL, input=QUESTION)


@style
def beta_responses(client: openai.OpenAI) -> Any:
    return client.beta.responses.create(model=MODEL, input=QUESTION)


# --- media, judgements, stores, everything else ---------------------------------------------------------------
def _file() -> io.BytesIO:
    file = io.BytesIO(PNG)
    file.name = "picture.png"
    return file


@style
def images(client: openai.OpenAI) -> Any:
    file = _file()
    found = (
        client.images.generate(model="gpt-image-1", prompt="A red dot", n=2),
        list(client.images.generate(model="gpt-image-1", prompt="Dot", stream=True, partial_images=2)),
        client.images.edit(model="gpt-image-1", image=file, prompt="Blue"),
        client.images.edit(
            model="gpt-image-1", image=[("a.png", PNG), ("b.png", PNG, "image/png")], prompt="Blue"
        ),
    )
    return found, file.closed, file.tell()


@style
def speech(client: openai.OpenAI) -> Any:
    create = client.audio.speech.create
    spoken = create(model="tts-1", voice="alloy", input="Hello", response_format="wav")
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Hi"
    ) as response:
        consumed = response.http_response.is_stream_consumed
        pieces = b"".join(response.iter_bytes())
    return type(spoken), spoken.content, consumed, pieces


@style
def transcriptions(client: openai.OpenAI) -> Any:
    create, file = client.audio.transcriptions.create, ("speech.wav", bytes(16_000))
    opened = io.BytesIO(bytes(1_000))
    return (
        create(model="gpt-4o-transcribe", file=file),
        create(model="whisper-1", file=file, response_format="text"),
        create(model="whisper-1", file=file, response_format="verbose_json"),
        list(create(model="gpt-4o-transcribe", file=file, stream=True)),
        create(model="whisper-1", file=opened),
        opened.tell(),
        opened.closed,
    )


@style
def moderations_and_decisions(client: openai.OpenAI) -> Any:
    return (
        client.moderations.create(input=["I like you", "I will kill the process"]),
        client.moderations.create(input=once("one")),
        client.decisions.create(
            model="gpt-6-luna",
            input="x",
            questions=[{"type": "predicate", "name": "p", "instructions": "Is it?"}],
        ),
    )


@style
def vector_stores(client: openai.OpenAI) -> Any:
    found = client.vector_stores.search("vs_any", query="opening hours")
    return found, list(client.vector_stores.search("vs_any", query=["a", "b"], max_num_results=1))


@style
def what_is_not_traced(client: openai.OpenAI) -> Any:
    uploaded = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    return (
        [model.id for model in client.models.list()],
        uploaded,
        client.files.content(uploaded.id).read(),
        client.files.delete(uploaded.id),
        client.chat.completions.list().data,
    )


@style
def assistants(client: openai.OpenAI) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assistant = client.beta.assistants.create(model=MODEL).id
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
        run = client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant, poll_interval_ms=1
        )
        events = list(
            client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant, stream=True)
        )
        with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant) as stream:
            stream.until_done()
            final = stream.get_final_messages()
    return run, events, final


@style
def realtime_over_a_socket(client: openai.OpenAI) -> Any:
    with connected(client).realtime.connect(model="gpt-realtime", **QUICK) as connection:
        connection.conversation.item.create(item=said(QUESTION))
        connection.response.create(response={"instructions": "Be brief."})
        found = until(connection, "response.done")
        connection.response.create(response={"metadata": {"x-mock": "status_text=failed"}})
        return type(connection), found, until(connection, "response.done")


@style
def responses_over_a_socket(client: openai.OpenAI) -> Any:
    done = ("response.completed", "response.failed", "error")
    with connected(client).responses.connect(**QUICK) as connection:
        connection.response.create(model=MODEL, input=QUESTION)
        found = until(connection, *done)
        connection.response.create(model=MODEL, input=QUESTION, metadata={"x-mock": "status_text=failed"})
        return type(connection), found, until(connection, *done)


def connected(client: openai.OpenAI) -> openai.OpenAI:
    return client.with_options(websocket_base_url=str(client.base_url).replace("http://", "ws://"))


@style
def an_agents_session(client: openai.OpenAI) -> Any:
    service = agents_service.Service(
        [
            agents_service.session_event("created"),
            *agents_service.answered(),
            *agents_service.answered(turn_id="turn_2"),
        ]
    )
    http = httpx2.Client(transport=httpx2.MockTransport(service))
    with openai.OpenAI(api_key="test", http_client=http, max_retries=0) as own:
        sessions = own.beta.agents.sessions
        stream = sessions.create(
            environment={"type": "none"}, agent_id=agents_service.AGENT_ID, input="Are you open?", stream=True
        )
        events = list(stream)
        left = sessions.create(
            environment={"type": "none"}, agent_id=agents_service.AGENT_ID, input="Are you open?", stream=True
        )
        first = next(left)
        left.close()
    return type(stream), events, first


# --- asynchronous ---------------------------------------------------------------------------------------------
def _async_chat_with(make: Callable[[], dict[str, Any]]) -> AsyncStyle:
    async def call(client: openai.AsyncOpenAI) -> Any:
        params = {"model": MODEL, "messages": messages(), **make()}
        try:
            return await client.chat.completions.create(**params), params
        except Exception as exc:
            return exc, params

    return call


def _async_answered_with(line: str, **params: Any) -> AsyncStyle:
    async def call(client: openai.AsyncOpenAI) -> Any:
        answer = await client.chat.completions.create(
            model=MODEL, messages=messages(), tools=[WEATHER], extra_headers=mock(line), **params
        )
        return await drained(answer) if params else answer

    return call


async def drained(stream: Any) -> Any:
    """The type of an async stream, its chunks, and the exception that ended it, if any."""
    found: list[Any] = [type(stream)]
    try:
        async for each in stream:
            found.append(each)
    except Exception as exc:
        found.append(exc)
    return found


ASYNC_STYLES |= {
    f"async chat: {name}": _async_chat_with(PARAMS[name])
    for name in (
        "a plain question",
        "an iterator of messages",
        "a generator of messages",
        "messages as pydantic objects",
        "messages as dataclasses",
        "a generator of tools",
        "every parameter",
        "omitted and not given",
        "a missing parameter",
        "a parameter that does not exist",
    )
}
ASYNC_STYLES |= {
    f"async chat answered with {name}": _async_answered_with(ANSWERS[name])
    for name in (
        "choices null",
        "usage null",
        "no json",
        "a string",
        "rate limited",
        "server error",
        "dropped",
    )
}
ASYNC_STYLES |= {
    f"async chat stream of {name}": _async_answered_with(line, stream=True) for name, line in CHUNKS.items()
}


@style
async def async_chat_raw(client: openai.AsyncOpenAI) -> Any:
    raw = await client.chat.completions.with_raw_response.create(model=MODEL, messages=messages())
    stream = (
        await client.chat.completions.with_raw_response.create(model=MODEL, messages=messages(), stream=True)
    ).parse()
    return raw, raw.parse(), await drained(stream)


@style
async def async_chat_streaming_response(client: openai.AsyncOpenAI) -> Any:
    found: list[Any] = []
    create = client.chat.completions.with_streaming_response.create
    for how in ("parse", "text", "json", "read"):
        async with create(model=MODEL, messages=messages()) as response:
            found.append(response.http_response.is_stream_consumed)
            found.append(await getattr(response, how)())
    async with create(model=MODEL, messages=messages(), stream=True) as response:
        found.append(await drained(await response.parse()))
    async with create(model=MODEL, messages=messages(), stream=True) as response:
        found.append([line async for line in response.iter_lines()])
    return found


@style
async def async_chat_parse_and_helper(client: openai.AsyncOpenAI) -> Any:
    parsed = await client.chat.completions.parse(model=MODEL, messages=messages(), response_format=Step)
    async with client.chat.completions.stream(model=MODEL, messages=messages()) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_completion()
    async with client.chat.completions.stream(model=MODEL, messages=messages()) as stream:
        first = await stream.__anext__()
    return parsed, events, final, first


@style
async def async_chat_concurrently(client: openai.AsyncOpenAI) -> Any:
    lines = [f"text=number {number}" for number in range(5)]
    answers = await asyncio.gather(
        *(
            client.chat.completions.create(model=MODEL, messages=messages(), extra_headers=mock(line))
            for line in lines
        )
    )
    return sorted(str(answer.choices[0].message.content) for answer in answers)


@style
async def async_a_cancelled_task(client: openai.AsyncOpenAI) -> Any:
    task = asyncio.ensure_future(
        client.chat.completions.create(model=MODEL, messages=messages(), extra_headers=mock("delay=0.5"))
    )
    await asyncio.sleep(0.05)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as exc:
        return exc, task.cancelled()


@style
async def async_a_cancelled_stream(client: openai.AsyncOpenAI) -> Any:
    seen: list[Any] = []

    async def follow() -> None:
        stream = await client.chat.completions.create(
            model=MODEL, messages=messages(), stream=True, extra_headers=mock("chunk_delay=0.2")
        )
        async for found in stream:
            seen.append(found)

    task = asyncio.ensure_future(follow())
    while not seen:
        await asyncio.sleep(0.005)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as exc:
        return exc, seen


@style
async def async_a_timeout(client: openai.AsyncOpenAI) -> Any:
    return await asyncio.wait_for(
        client.chat.completions.create(model=MODEL, messages=messages(), extra_headers=mock("delay=0.3")),
        0.03,
    )


@style
async def async_responses(client: openai.AsyncOpenAI) -> Any:
    async with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        events = [event async for event in stream]
    return (
        await client.responses.create(model=MODEL, input=QUESTION),
        await drained(await client.responses.create(model=MODEL, input=QUESTION, stream=True)),
        await client.responses.parse(model=MODEL, input=QUESTION, text_format=Step),
        events,
    )


@style
async def async_paginators(client: openai.AsyncOpenAI) -> Any:
    return (
        [found async for found in client.vector_stores.search("vs_any", query="x")],
        (await client.vector_stores.search("vs_any", query="x")).data,
        [model.id async for model in client.models.list()],
    )


@style
async def async_responses_over_a_socket(client: openai.AsyncOpenAI) -> Any:
    address = str(client.base_url).replace("http://", "ws://")
    async with client.with_options(websocket_base_url=address).responses.connect(**QUICK) as connection:
        await connection.response.create(model=MODEL, input=QUESTION)
        return type(connection), await async_until(connection, "response.completed", "error")


@style
async def async_embeddings_and_more(client: openai.AsyncOpenAI) -> Any:
    return (
        await client.embeddings.create(model="m", input=["a", "b"]),
        await client.completions.create(model="m", prompt="hi"),
        await client.images.generate(model="gpt-image-1", prompt="dot"),
        (await client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")).content,
        await client.moderations.create(input="x"),
    )


def run_in_loops_that_are_closed(server: OpenAIServer) -> Any:
    """Use one asynchronous client, and one stream, from event loops that come and go."""
    found = _use_loops(server)
    for _ in range(3):
        gc.collect()  # what asyncio has to say about it is said here
    return found


def _use_loops(server: OpenAIServer) -> Any:
    client = openai.AsyncOpenAI(api_key="test", base_url=server.base_url, max_retries=0)
    found: list[Any] = []

    async def begin() -> Any:
        return await client.chat.completions.create(
            model=MODEL, messages=messages(), stream=True, extra_headers=mock("chunk_delay=0.5")
        )

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(begin())
    loop.run_until_complete(stream.__anext__())
    loop.close()
    another = asyncio.new_event_loop()
    for attempt in (stream.__anext__, stream.close, begin):
        try:
            found.append(type(another.run_until_complete(attempt())))
        except Exception as exc:
            found.append(exc)
    another.run_until_complete(asyncio.sleep(0))
    another.close()
    return found
