from __future__ import annotations

import json
import struct
from typing import Any

import openai
import pytest

from genai_otel.testing.server import OpenAIServer
from tests.testing.server_calls import WEATHER, dial, valid

pytest_plugins = ("tests.testing.server_fixtures",)


class RawWebSocket:
    """A client of forty lines, so that the server's side is tested even where no library is installed."""

    def __init__(self, server: OpenAIServer, path: str, headers: str = "") -> None:
        self.connection = dial(server)
        self.reader = self.connection.makefile("rb")
        self.connection.sendall(
            f"GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n{headers}"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n".encode()
        )
        self.head = b"".join(iter(self.reader.readline, b"\r\n")).decode()

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.connection.close()

    def frame(self, first: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> None:
        length = (
            struct.pack(">BH", 0xFE, len(payload)) if len(payload) > 125 else bytes([0x80 | len(payload)])
        )
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.connection.sendall(bytes([first]) + length + mask + masked)

    def send(self, **message: Any) -> None:
        self.frame(0x81, json.dumps(message).encode())

    def receive(self) -> tuple[int, bytes]:
        first, size = self.reader.read(2)
        if size > 125:
            form = ">H" if size == 126 else ">Q"
            (size,) = struct.unpack(form, self.reader.read(struct.calcsize(form)))
        return first, self.reader.read(size)

    def message(self) -> Any:
        return json.loads(self.receive()[1])

    def until(self, *kinds: str) -> list[Any]:
        messages = [self.message()]
        while messages[-1]["type"] not in kinds:
            messages.append(self.message())
        return messages


def test_a_websocket_is_opened_pinged_fragmented_and_closed(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/realtime?model=gpt-realtime") as ws:
        assert "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in ws.head
        assert ws.message()["type"] == "session.created"
        ws.frame(0x01, b'{"type": "response.')
        ws.frame(0x89, b"ping")
        assert ws.receive() == (0x8A, b"ping")
        ws.frame(0x80, b'create"}')
        assert ws.message()["type"] == "response.created"
        ws.until("rate_limits.updated")
        ws.frame(0x88, struct.pack(">H", 1000))
        assert ws.receive() == (0x88, struct.pack(">H", 1000))
    assert server.requests[0].messages == [{"type": "response.create"}]


def test_a_realtime_turn_has_deltas_and_usage(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/realtime?model=gpt-realtime") as ws:
        part = {"type": "input_text", "text": "What is the capital of France?" + " please" * 50}
        ws.send(type="conversation.item.create", item={"type": "message", "role": "user", "content": [part]})
        assert [m["type"] for m in ws.until("conversation.item.done")][1:] == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        ws.send(type="response.create")
        events = ws.until("response.done")
        done = events[-1]["response"]
        written = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
        assert done["output"][0]["content"][0]["text"] == written
        assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"]
        assert done["usage"]["input_tokens"] > 50


def test_a_realtime_session_calls_tools_and_speaks(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/realtime") as ws:
        ws.send(type="session.update", session={"tools": [{"type": "function", **WEATHER}]})
        part = {"type": "input_text", "text": "What's the weather in Paris?"}
        ws.send(type="conversation.item.create", item={"type": "message", "role": "user", "content": [part]})
        ws.send(type="response.create")
        call = ws.until("response.done")[-1]["response"]["output"][0]
        assert json.loads(call["arguments"])["city"] == "Paris"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Sunny"}
        ws.send(type="conversation.item.create", item=output)
        ws.send(type="response.create", response={"output_modalities": ["audio"]})
        events = ws.until("response.done")
        assert (
            events[-1]["response"]["output"][0]["content"][0]["transcript"]
            == "According to get_weather: Sunny."
        )
        assert "response.output_audio.delta" in {event["type"] for event in events}


def test_the_beta_dialect_has_its_own_names(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/realtime", "openai-beta: realtime=v1\r\n") as ws:
        ws.send(type="response.create")
        kinds = {message["type"] for message in ws.until("response.done")}
    assert {"response.text.delta", "conversation.item.created"} <= kinds
    assert not any("output_text" in kind for kind in kinds)


def test_realtime_errors_on_demand(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/realtime") as ws:
        ws.send(type="nonsense", event_id="mine")
        assert ws.until("error")[-1]["error"]["event_id"] == "mine"
        ws.send(type="response.create", response={"metadata": {"x-mock": "error_after=1;message=Broken"}})
        assert [m["type"] for m in ws.until("error")] == ["response.created", "error"]
        ws.send(
            type="response.create", response={"metadata": {"x-mock": "status_text=failed;message=Broken"}}
        )
        assert ws.until("response.done")[-1]["response"]["status_details"]["error"]["message"] == "Broken"
        ws.send(type="response.create", response={"metadata": {"x-mock": "abort_after=1"}})
        with pytest.raises(ValueError):
            ws.until("response.done")
    with RawWebSocket(server, "/v1/realtime", "x-mock: status=401\r\n") as refused:
        assert refused.head.startswith("HTTP/1.1 401")
    with RawWebSocket(server, "/v1/nothing") as refused:
        assert refused.head.startswith("HTTP/1.1 404")


def test_responses_over_a_websocket_continue_each_other(server: OpenAIServer) -> None:
    with RawWebSocket(server, "/v1/responses") as ws:
        ws.send(type="response.create", model="m", input="What is the capital of France?", stream_id="lane")
        events = ws.until("response.completed")
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert {event["stream_id"] for event in events} == {"lane"}
        first = events[-1]["response"]
        ws.send(type="response.create", model="m", input="And more?", previous_response_id=first["id"])
        second = ws.until("response.completed")[-1]["response"]
        assert second["usage"]["input_tokens"] > first["usage"]["input_tokens"]
        ws.send(type="response.create", input="No model")
        assert ws.message()["error"]["param"] == "model"
        ws.send(type="response.steer")
        assert ws.message()["status"] == 400


needs_websockets = pytest.mark.skipif(
    not __import__("importlib.util").util.find_spec("websockets"),
    reason="the SDK's WebSocket APIs need the websockets package, which is NOT installed",
)


@needs_websockets
def test_the_sdk_holds_a_realtime_session(client: openai.OpenAI) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        assert valid(connection.recv()).type == "session.created"
        part: Any = {"type": "input_text", "text": "Hello"}
        connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
        connection.response.create()
        seen: list[Any] = []
        for event in connection:
            seen.append(valid(event))
            if event.type == "response.done":
                break
    assert seen[-1].response.usage.output_tokens > 0


@needs_websockets
async def test_the_async_sdk_holds_responses_over_a_websocket(aclient: openai.AsyncOpenAI) -> None:
    async with aclient.responses.connect() as connection:
        await connection.response.create(model="m", input="Hello")
        seen: list[Any] = []
        async for event in connection:
            seen.append(valid(event))
            if event.type == "response.completed":
                break
    assert seen[-1].response.output_text
