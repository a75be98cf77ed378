from __future__ import annotations

import ast
import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

import genai_otel.testing
from genai_otel.testing.server import OpenAIServer
from tests.testing.server_calls import HELLO, chat, post, raw, refused

pytest_plugins = ("tests.testing.server_fixtures",)


def test_the_base_url_is_on_the_loopback_interface(server: OpenAIServer) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", server.base_url)


def test_the_base_url_is_unknown_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="start"):
        OpenAIServer().base_url


def test_start_and_stop_may_be_repeated_and_the_port_stays() -> None:
    server = OpenAIServer().start().start()
    address = server.base_url
    server.stop()
    server.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/models")
    with server:
        assert server.base_url == address
        assert urllib.request.urlopen(f"{address}/models").status == 200


def test_stop_ends_answers_that_are_under_way() -> None:
    with OpenAIServer() as server:
        client = openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0)
        stream = iter(chat(client, "chunk_delay=30", stream=True))
        next(stream)
        began = time.monotonic()
    with pytest.raises(openai.APIConnectionError):
        list(stream)
    assert time.monotonic() - began < 5


def test_only_the_standard_library_is_imported() -> None:
    folder = Path(genai_otel.testing.__file__).parent / "server"
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {name.split(".")[0] for name in names} - {"typing_extensions"}
            assert tops <= {*sys.stdlib_module_names, "genai_otel"}, path.name


def test_the_module_serves_in_the_foreground() -> None:
    command = [sys.executable, "-m", "genai_otel.testing.server", "--port", "0"]
    source = str(Path(genai_otel.testing.__file__).parents[2])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source}
    ) as run:
        assert run.stdout
        address = re.search(r"http://\S+", run.stdout.readline())
        assert address
        assert json.load(urllib.request.urlopen(f"{address[0]}/models"))["object"] == "list"
        run.terminate()


def test_requests_are_recorded(server: OpenAIServer, client: openai.OpenAI) -> None:
    chat(client, extra_query={"trace": "1"})
    (request,) = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", {"trace": "1"})
    assert request.headers["authorization"] == "Bearer test"
    assert request.json["messages"] == HELLO == json.loads(request.body)["messages"]


def test_plain_urllib_needs_no_authorization(server: OpenAIServer) -> None:
    with post(server, "/v1/chat/completions", {"model": "m", "messages": HELLO}) as reply:
        assert json.load(reply)["object"] == "chat.completion"
    assert "authorization" not in server.requests[0].headers


def test_a_connection_is_reused_after_answers_and_streams(server: OpenAIServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.base_url.split(":")[2].split("/")[0]))
    connection.connect()
    first = connection.sock
    for stream in (False, True, False):
        body = json.dumps({"model": "m", "messages": HELLO, "stream": stream})
        connection.request("POST", "/v1/chat/completions", body)
        assert connection.getresponse().read()
        assert connection.sock is first
    connection.close()


def test_http_1_0_gets_a_stream_without_chunks(server: OpenAIServer) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {len(body)}\r\n\r\n"
    answer = raw(server, (head + body).encode())
    assert b"transfer-encoding" not in answer
    assert answer.split(b"\r\n\r\n")[1].startswith(b"data: {")
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_chunked_request_body_is_read(server: OpenAIServer) -> None:
    body = json.dumps({"model": "m", "messages": HELLO}).encode()
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:], b""))
    head = b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    assert raw(server, head + parts).startswith(b"HTTP/1.1 200")
    assert server.requests[0].body == body


def test_nonsense_instead_of_http_is_refused(server: OpenAIServer) -> None:
    assert raw(server, b"hello there\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/nothing", 404), ("/v1/embeddings/x", 404), ("/v1/embeddings", 405)]
)
def test_unknown_paths_and_methods_are_refused_in_the_apis_shape(
    server: OpenAIServer, path: str, status: int
) -> None:
    answer = refused(server, path)
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body", [b"{", b"{}", {"model": "m"}, {"model": "m", "messages": "hi"}, {"messages": HELLO}], ids=repr
)
def test_invalid_chat_requests_are_refused(server: OpenAIServer, body: Any) -> None:
    assert refused(server, "/v1/chat/completions", body).status == 400


def test_a_model_that_does_not_exist_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, model="this-model-does-not-exist")
    assert caught.value.code == "model_not_found"


def test_reset_makes_identifiers_repeat_and_forgets(server: OpenAIServer, client: openai.OpenAI) -> None:
    def answers() -> list[Any]:
        file = client.files.create(file=("a.txt", b"hello"), purpose="user_data")
        return [
            chat(client).to_dict(),
            client.responses.create(model="m", input="Hi").to_dict(),
            file.to_dict(),
        ]

    first = answers()
    assert chat(client).id != first[0]["id"]
    server.script("/chat/completions", ["status=500"])
    server.reset()
    assert server.requests == []
    assert answers() == first
    assert len(client.files.list().data) == 1


def test_fifty_requests_at_once(server: OpenAIServer, client: openai.OpenAI) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: chat(client, f"text=answer {n};delay=0.05"), range(50)))
    assert [answer.choices[0].message.content for answer in answers] == [f"answer {n}" for n in range(50)]
    assert len({answer.id for answer in answers}) == len(server.requests) == 50


async def test_fifty_streams_at_once(aclient: openai.AsyncOpenAI) -> None:
    async def one(number: int) -> str:
        stream = await aclient.chat.completions.create(
            model="m",
            messages=HELLO,
            stream=True,
            extra_headers={"x-mock": f"text=answer {number};chunk_delay=0.01"},
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert await asyncio.gather(*map(one, range(50))) == [f"answer {n}" for n in range(50)]
