"""Every way to call the SDK and every fate of a stream, on whatever version of the SDK this is run with.

Run by the matrix in an environment of its own: needs the library, the SDK, and nothing of the test suite's. Prints
one JSON object: what was run, and of each row whether it is right. A row of something that the version lacks is
``absent``; which version has what is written here, so that nothing is left out by mistake.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import platform
import sys
import traceback
from collections.abc import Callable
from typing import Any

import openai
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from genai_otel.testing.server import OpenAIServer

VERSION = tuple(int(part) for part in openai.__version__.split(".")[:2])
MODEL = "gpt-4o-mini"
CHAT = f"chat {MODEL}"
MESSAGES: Any = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Here is a short answer about capital, France."
ABANDONED = "genai_otel.stream.abandoned"

exporter = InMemorySpanExporter()
server = OpenAIServer()
ROWS: list[tuple[str, tuple[int, int], Callable[[], Any]]] = []


def row(name: str, since: tuple[int, int] = (1, 3)) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(fn: Callable[[], Any]) -> Callable[[], Any]:
        ROWS.append((name, since, fn))
        return fn

    return add


def client(**more: Any) -> Any:
    return openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0, **more)


def aclient() -> Any:
    return openai.AsyncOpenAI(api_key="test", base_url=server.base_url, max_retries=0)


def ask(of: Any, mock: str = "", **params: Any) -> Any:
    headers = {"x-mock": mock} if mock else None
    return of.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=headers, **params)


# --- what is expected -----------------------------------------------------------------------------------------
def spans() -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def one(name: str = CHAT) -> ReadableSpan:
    found = spans()
    assert [span.name for span in found] == [name], f"spans: {[span.name for span in found]}"
    return found[0]


def events(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


def said(span: ReadableSpan) -> str:
    recorded = json.loads(str((span.attributes or {}).get("gen_ai.output.messages", "[]")))
    return "".join(part.get("content", "") for message in recorded for part in message["parts"])


def complete(name: str = CHAT, text: str | None = ANSWER) -> dict[str, Any]:
    span = one(name)
    found = dict(span.attributes or {})
    assert (span.status.status_code.name, events(span)) == ("UNSET", []), (
        span.status.status_code,
        events(span),
    )
    assert found["gen_ai.response.finish_reasons"] == ("stop",), found
    assert found["gen_ai.response.id"] and found["gen_ai.response.model"]
    if text is not None:
        assert said(span) == text, said(span)
    return found


def partial(*, abandoned: bool = False, text: bool = True) -> None:
    span = one()
    assert span.status.status_code.name == "UNSET"
    assert events(span) == ([ABANDONED] if abandoned else []), events(span)
    assert "error.type" not in (span.attributes or {})
    if text:
        assert said(span) and ANSWER.startswith(said(span)) and said(span) != ANSWER, said(span)


def failed(error_type: str | None = None) -> None:
    span = one()
    found = span.attributes or {}
    assert span.status.status_code.name == "ERROR"
    assert events(span) == ["exception"], events(span)
    assert error_type is None or found["error.type"] == error_type, found["error.type"]


def raises(fn: Callable[[], Any], *errors: type[BaseException]) -> BaseException:
    try:
        fn()
    except Exception as exc:
        if errors and not isinstance(exc, errors):
            raise
        return exc
    raise AssertionError("nothing was raised")


def read(stream: Any, count: int) -> None:
    for number, _ in enumerate(stream, 1):
        if number == count:
            break


async def aread(stream: Any, count: int) -> None:
    number = 0
    async for _ in stream:
        number += 1
        if number == count:
            break


def collect() -> None:
    for _ in range(3):
        gc.collect()


async def acollect() -> None:
    for _ in range(4):
        gc.collect()
        await asyncio.sleep(0.01)


def unhooked(response: Any) -> None:
    assert not {"close", "aclose"} & set(vars(response)), "a hook was left behind"


# --- calls ----------------------------------------------------------------------------------------------------
@row("chat")
def chat() -> None:
    answer = ask(client(), temperature=0.5, seed=7)
    assert type(answer).__name__ == "ChatCompletion" and answer.choices[0].message.content == ANSWER
    found = complete()
    assert found["gen_ai.usage.input_tokens"] == answer.usage.prompt_tokens
    assert found["gen_ai.usage.output_tokens"] == answer.usage.completion_tokens
    assert (found["gen_ai.request.temperature"], found["gen_ai.request.seed"]) == (0.5, 7)
    assert found["openai.api.type"] == "chat_completions"


@row("chat async")
def chat_async() -> None:
    async def run() -> None:
        async with aclient() as made:
            await ask(made)

    asyncio.run(run())
    complete()


@row("chat with tools and three choices")
def chat_tools() -> None:
    function = {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    ask(client(), tools=[{"type": "function", "function": function}], n=3)
    found = one().attributes or {}
    assert found["gen_ai.response.finish_reasons"] == ("tool_calls",) * 3
    assert "get_weather" in str(found["gen_ai.output.messages"]) and "get_weather" in str(
        found["gen_ai.tool.definitions"]
    )


@row("chat with an iterator of messages", (1, 40))
def chat_iterator() -> None:
    client().chat.completions.create(model=MODEL, messages=iter(MESSAGES))
    assert server.requests[-1].json["messages"] == MESSAGES
    complete()


@row("chat raw")
def chat_raw() -> None:
    raw = client().chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    complete()
    assert raw.parse().choices[0].message.content == ANSWER and raw.headers["x-request-id"]
    complete()


@row("chat raw async")
def chat_raw_async() -> None:
    async def run() -> None:
        async with aclient() as made:
            raw = await made.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
            complete()
            assert raw.parse().choices[0].message.content == ANSWER

    asyncio.run(run())
    complete()


@row("chat as a streaming response, parsed", (1, 8))
def chat_streaming_response() -> None:
    with client().chat.completions.with_streaming_response.create(model=MODEL, messages=MESSAGES) as response:
        assert response.http_response.is_stream_consumed is False
        assert response.parse().choices[0].message.content == ANSWER
    complete()
    unhooked(response)


@row("chat as a streaming response, lines read", (1, 8))
def chat_streaming_lines() -> None:
    with client().chat.completions.with_streaming_response.create(model=MODEL, messages=MESSAGES) as response:
        assert response.http_response.is_stream_consumed is False
        assert any("chatcmpl" in line for line in response.iter_lines())
        assert spans() == []
    partial(text=False)


@row("chat as a streaming response, text read", (1, 8))
def chat_streaming_text() -> None:
    with client().chat.completions.with_streaming_response.create(model=MODEL, messages=MESSAGES) as response:
        assert ANSWER in (response.text() if callable(response.text) else response.text)
    complete()


@row("chat as a streaming response, async", (1, 8))
def chat_streaming_async() -> None:
    async def run() -> None:
        async with aclient() as made:
            create = made.chat.completions.with_streaming_response.create
            async with create(model=MODEL, messages=MESSAGES) as response:
                assert response.http_response.is_stream_consumed is False
                found = response.parse()
                found = await found if asyncio.iscoroutine(found) else found
                assert found.choices[0].message.content == ANSWER

    asyncio.run(run())
    complete()


@row("chat of Azure")
def chat_azure() -> None:
    endpoint = server.base_url[: -len("/v1")]
    azure = openai.AzureOpenAI(api_key="x", api_version="2024-10-21", azure_endpoint=endpoint)
    ask(azure)
    assert complete()["gen_ai.provider.name"] == "azure.ai.openai"


@row("chat of the module")
def chat_module() -> None:
    openai.api_key, openai.base_url = "test", f"{server.base_url}/"
    openai.chat.completions.create(model=MODEL, messages=MESSAGES)
    complete()


@row("chat by hand")
def chat_by_hand() -> None:
    from openai.types.chat import ChatCompletion

    client().post("/chat/completions", cast_to=ChatCompletion, body={"model": MODEL, "messages": MESSAGES})
    complete()


@row("chat through a copied client")
def chat_copied() -> None:
    # kept: the first SDKs close the connections of a copy together with the client it came from
    made = client()
    ask(made.with_options(timeout=5).copy())
    complete()


@row("parse", (1, 40))
def parse() -> None:
    import pydantic

    class Step(pydantic.BaseModel):
        title: str

    made = client()
    of = made.chat.completions if VERSION >= (1, 92) else made.beta.chat.completions
    parsed = of.parse(model=MODEL, messages=MESSAGES, response_format=Step)
    assert isinstance(parsed.choices[0].message.parsed, Step)
    assert complete(text=None)["gen_ai.output.type"] == "json"


@row("an error")
def error() -> None:
    raises(lambda: ask(client(), "status=429"), openai.RateLimitError)
    failed("openai.RateLimitError")


@row("an error that was tried again")
def retried() -> None:
    made = client().with_options(max_retries=2)
    ask(made, "status=500;times=2;retry_after=0.001")
    assert len(server.requests) == 3
    complete()


@row("a refused connection")
def refused() -> None:
    nowhere = openai.OpenAI(api_key="x", base_url="http://127.0.0.1:9/v1", max_retries=0)
    raises(lambda: ask(nowhere), openai.APIConnectionError)
    failed("openai.APIConnectionError")


@row("a cancelled task")
def cancelled() -> None:
    async def run() -> None:
        async with aclient() as made:
            task = asyncio.ensure_future(ask(made, "delay=1"))
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    asyncio.run(run())
    failed("asyncio.exceptions.CancelledError")


@row("completions")
def completions() -> None:
    client().completions.create(model=MODEL, prompt="Say hello")
    complete(f"text_completion {MODEL}", text=None)


@row("embeddings, with and without base64")
def embeddings() -> None:
    dimension = len(client().embeddings.create(model=MODEL, input="a").data[0].embedding)
    for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        exporter.clear()
        client().embeddings.create(model=MODEL, input=["a", "b"], **more)
        found = one(f"embeddings {MODEL}").attributes or {}
        assert found["gen_ai.embeddings.dimension.count"] == dimension, found
        assert found["gen_ai.usage.input_tokens"]


@row("responses", (1, 66))
def responses() -> None:
    client().responses.create(model=MODEL, input=MESSAGES[0]["content"])
    assert complete()["openai.api.type"] == "responses"


@row("responses stream", (1, 66))
def responses_stream() -> None:
    stream = client().responses.create(model=MODEL, input=MESSAGES[0]["content"], stream=True)
    assert type(stream) is openai.Stream
    list(stream)
    complete()


@row("responses with every kind of item", (1, 66))
def responses_items() -> None:
    client().responses.create(model=MODEL, input="x", extra_headers={"x-mock": "items=all"})
    one()


@row("responses retrieved", (1, 66))
def responses_retrieved() -> None:
    made = client()
    response = made.responses.create(model=MODEL, input="x")
    exporter.clear()
    made.responses.retrieve(response.id)
    span = one("fetch_response")
    assert not [key for key in span.attributes or {} if ".usage." in key]


@row("what is not inference")
def not_inference() -> None:
    made = client()
    list(made.models.list())
    uploaded = made.files.create(file=("a.txt", b"x"), purpose="assistants")
    made.files.delete(uploaded.id)
    assert spans() == []


@row("images")
def images() -> None:
    client().images.generate(model="gpt-image-1", prompt="A red dot")
    one("images.generate gpt-image-1")


@row("images stream", (1, 97))
def images_stream() -> None:
    assert list(client().images.generate(model="gpt-image-1", prompt="A red dot", stream=True))
    found = one("images.generate gpt-image-1").attributes or {}
    assert found["gen_ai.usage.output_tokens"] > 0


@row("speech")
def speech() -> None:
    spoken = client().audio.speech.create(model="tts-1", voice="alloy", input="Hello")
    assert spoken.content
    one("audio.speech tts-1")


@row("transcriptions")
def transcriptions() -> None:
    assert client().audio.transcriptions.create(model="whisper-1", file=("a.wav", b"x")).text
    one("audio.transcriptions whisper-1")


@row("transcriptions stream", (1, 68))
def transcriptions_stream() -> None:
    create = client().audio.transcriptions.create
    assert list(create(model="gpt-4o-transcribe", file=("a.wav", b"x"), stream=True))
    one("audio.transcriptions gpt-4o-transcribe")


@row("moderations")
def moderations() -> None:
    client().moderations.create(input="x")
    one("moderations")


@row("a search in a vector store", (1, 66))
def vector_stores() -> None:
    assert list(client().vector_stores.search("vs_1", query="opening hours"))
    one("retrieval vs_1")


@row("decisions", (3, 26))
def decisions() -> None:
    questions: Any = [{"type": "predicate", "name": "p", "instructions": "Is it?"}]
    client().decisions.create(model=MODEL, input="x", questions=questions)
    one(f"decisions {MODEL}")


@row("responses of the beta", (2, 45))
def beta_responses() -> None:
    client().beta.responses.create(model=MODEL, input=MESSAGES[0]["content"])
    complete()


@row("responses compacted", (2, 9))
def responses_compacted() -> None:
    client().responses.compact(model=MODEL, input="x")
    assert (one().attributes or {})["gen_ai.usage.input_tokens"]


@row("responses cancelled", (1, 81))
def responses_cancelled() -> None:
    made = client()
    response = made.responses.create(model=MODEL, input="x", background=True)
    exporter.clear()
    made.responses.cancel(response.id)
    one("fetch_response")


@row("a run of an assistant", (1, 21))
def assistant_run() -> None:
    made = client()
    assistant = made.beta.assistants.create(model=MODEL)
    thread = made.beta.threads.create()
    made.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=1)
    one("invoke_agent")


@row("a run of an assistant, streamed", (1, 21))
def assistant_stream() -> None:
    made = client()
    assistant = made.beta.assistants.create(model=MODEL)
    thread = made.beta.threads.create()
    with made.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        stream.until_done()
    assert (one("invoke_agent").attributes or {})["gen_ai.usage.output_tokens"] > 0


@row("realtime", (1, 103))
def realtime() -> None:
    with sockets().realtime.connect(model="gpt-realtime", websocket_connection_options=QUICK) as connection:
        connection.response.create()
        while connection.recv().type != "response.done":
            pass
    assert (one("chat gpt-realtime").attributes or {})["gen_ai.usage.output_tokens"] > 0


@row("realtime of the beta", (1, 58))
def beta_realtime() -> None:
    connect = sockets().beta.realtime.connect
    with connect(model="gpt-realtime", websocket_connection_options=QUICK) as connection:
        connection.response.create()
        while connection.recv().type != "response.done":
            pass
    one("chat gpt-realtime")


@row("responses over a socket", (2, 22))
def responses_socket() -> None:
    with sockets().responses.connect(websocket_connection_options=QUICK) as connection:
        connection.response.create(model=MODEL, input=MESSAGES[0]["content"])
        while connection.recv().type != "response.completed":
            pass
    complete()


QUICK: Any = {"close_timeout": 0.1}


def sockets() -> Any:
    return client(websocket_base_url=server.base_url.replace("http://", "ws://"))


# --- streams --------------------------------------------------------------------------------------------------
@row("stream read to the end")
def stream_end() -> None:
    stream = ask(client(), stream=True)
    assert type(stream) is openai.Stream and spans() == []
    list(stream)
    complete()
    unhooked(stream.response)


@row("stream read to the end, async")
def astream_end() -> None:
    async def run() -> None:
        async with aclient() as made:
            stream = await ask(made, stream=True)
            assert type(stream) is openai.AsyncStream
            async for _ in stream:
                pass
            complete()
            unhooked(stream.response)

    asyncio.run(run())
    complete()


@row("stream with usage")
def stream_usage() -> None:
    list(ask(client(), stream=True, extra_body={"stream_options": {"include_usage": True}}))
    assert complete()["gen_ai.usage.output_tokens"] > 0


@row("stream left and dropped")
def stream_dropped() -> None:
    stream = ask(client(), stream=True)
    read(stream, 4)
    collect()
    assert spans() == []
    del stream
    collect()
    partial(abandoned=True)


@row("stream left and dropped, async")
def astream_dropped() -> None:
    async def run() -> None:
        async with aclient() as made:
            stream = await ask(made, stream=True)
            await aread(stream, 4)
            del stream
            await acollect()
            partial(abandoned=True)

    asyncio.run(run())
    partial(abandoned=True)


@row("stream left and gone on with")
def stream_resumed() -> None:
    stream = ask(client(), stream=True)
    read(stream, 3)
    list(stream)
    complete()


@row("stream never read")
def stream_unread() -> None:
    stream = ask(client(), stream=True)
    del stream
    collect()
    partial(abandoned=True, text=False)


@row("stream closed", (1, 6))
def stream_closed() -> None:
    stream = ask(client(), stream=True)
    read(stream, 4)
    stream.close()
    partial()
    unhooked(stream.response)


@row("stream whose response is closed")
def stream_response_closed() -> None:
    stream = ask(client(), stream=True)
    read(stream, 4)
    stream.response.close()
    partial()
    unhooked(stream.response)


@row("stream in a with block that is left", (1, 6))
def stream_with() -> None:
    with ask(client(), stream=True) as stream:
        read(stream, 4)
    partial()


@row("stream in a with block that is left, async", (1, 6))
def astream_with() -> None:
    async def run() -> None:
        async with aclient() as made, await ask(made, stream=True) as stream:
            await aread(stream, 4)

    asyncio.run(run())
    partial()


@row("stream whose caller fails", (1, 6))
def stream_caller_fails() -> None:
    def fail() -> None:
        with ask(client(), stream=True) as stream:
            read(stream, 4)
            raise ZeroDivisionError

    raises(fail, ZeroDivisionError)
    partial()


@row("stream with an error in it")
def stream_error() -> None:
    raises(lambda: list(ask(client(), "error_after=4", stream=True)), openai.APIError)
    failed("openai.APIError")


@row("stream that breaks off")
def stream_breaks() -> None:
    raises(lambda: list(ask(client(), "abort_after=4", stream=True)))
    failed()


@row("stream that breaks off, async")
def astream_breaks() -> None:
    async def run() -> None:
        async with aclient() as made:
            async for _ in await ask(made, "abort_after=4", stream=True):
                pass

    raises(lambda: asyncio.run(run()))
    failed()


@row("stream whose task is cancelled")
def astream_cancelled() -> None:
    async def follow(made: Any, seen: asyncio.Event) -> None:
        async for _ in await ask(made, "chunk_delay=0.2", stream=True):
            seen.set()

    async def run() -> None:
        async with aclient() as made:
            seen = asyncio.Event()
            task = asyncio.ensure_future(follow(made, seen))
            await seen.wait()
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())
    failed("asyncio.exceptions.CancelledError")


@row("streams that are interleaved, and a span in their loop")
def stream_interleaved() -> None:
    made = client()
    tracer = trace.get_tracer("application")
    with tracer.start_as_current_span("request") as request:
        for _ in zip(ask(made, stream=True), ask(made, stream=True), strict=True):
            assert trace.get_current_span() is request
            with tracer.start_as_current_span("work"):
                pass
        collect()
    parents = {span.parent.span_id for span in spans() if span.parent is not None}
    assert parents == {request.get_span_context().span_id}
    assert len([span for span in spans() if span.name == CHAT]) == 2


@row("stream parsed from a raw response")
def stream_raw() -> None:
    stream = (
        client()
        .chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True)
        .parse()
    )
    collect()
    assert spans() == [] and type(stream) is openai.Stream
    list(stream)
    complete()


@row("stream of a raw response that is never parsed")
def stream_raw_unparsed() -> None:
    raw = client().chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True)
    assert spans() == []
    del raw
    collect()
    partial(abandoned=True, text=False)


@row("stream of a streaming response", (1, 8))
def stream_streaming() -> None:
    create = client().chat.completions.with_streaming_response.create
    with create(model=MODEL, messages=MESSAGES, stream=True) as response:
        list(response.parse())
    complete()


@row("helper read to the end", (1, 40))
def helper_end() -> None:
    with helper(client()) as stream:
        stream.get_final_completion()
    complete()


@row("helper that is left", (1, 40))
def helper_left() -> None:
    with helper(client()) as stream:
        read(stream, 8)
    partial()


@row("helper that is left, async", (1, 40))
def ahelper_left() -> None:
    async def run() -> None:
        async with aclient() as made, helper(made) as stream:
            await aread(stream, 8)

    asyncio.run(run())
    partial()


def helper(made: Any) -> Any:
    of = made.chat.completions if VERSION >= (1, 92) else made.beta.chat.completions
    return of.stream(model=MODEL, messages=MESSAGES)


@row("helper of responses", (1, 66))
def helper_responses() -> None:
    with client().responses.stream(model=MODEL, input=MESSAGES[0]["content"]) as stream:
        stream.get_final_response()
    complete()


# --- on and off -----------------------------------------------------------------------------------------------
@row("wrappers that were cached before and after")
def cached() -> None:
    genai_otel.autolog(disable=True)
    made = client()
    create = made.chat.completions.with_raw_response.create
    create(model=MODEL, messages=MESSAGES)
    assert spans() == []
    genai_otel.autolog(capture_content=True)
    create(model=MODEL, messages=MESSAGES)
    complete()
    genai_otel.autolog(disable=True)
    create(model=MODEL, messages=MESSAGES)
    complete()


@row("stream usage asked for by us")
def stream_usage_asked() -> None:
    genai_otel.autolog(capture_content=True, request_stream_usage=True)
    chunks = list(ask(client(), stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert complete()["gen_ai.usage.output_tokens"] > 0


def run_row(since: tuple[int, int], fn: Callable[[], Any]) -> str:
    if since > VERSION:
        return "absent"
    exporter.clear()
    server.reset()
    genai_otel.autolog(capture_content=True)
    before = otel_context.get_current()
    try:
        fn()
        assert otel_context.get_current() is before, "the context was not given back"
    except Exception as exc:
        where = traceback.extract_tb(exc.__traceback__)[-1]
        return f"failed: {type(exc).__name__}: {exc} ({where.name}, line {where.lineno})"[:500]
    return "ok"


def untouched() -> str:
    """Whether ``disable`` leaves none of our functions in the SDK."""
    genai_otel.autolog(disable=True)
    base = sys.modules["openai._base_client"]
    found = [vars(getattr(base, name))["request"] for name in ("SyncAPIClient", "AsyncAPIClient")]
    return "ok" if all(type(each).__name__ == "function" for each in found) else f"failed: {found}"


def main() -> None:
    logging.getLogger("genai_otel").addHandler(logging.StreamHandler())
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with server:
        results = {name: run_row(since, fn) for name, since, fn in ROWS}
    results["the SDK as it was"] = untouched()
    print(json.dumps({"openai": openai.__version__, "python": platform.python_version(), "rows": results}))


if __name__ == "__main__":
    main()
