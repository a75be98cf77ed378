from __future__ import annotations

import base64
import json
import struct
from typing import Any

import numpy as np
import openai
import pytest

from genai_otel.testing.server import text
from tests.testing.server_calls import ASK_WEATHER, HELLO, TOOLS, WEATHER, Step, chat, valid

pytest_plugins = ("tests.testing.server_fixtures",)


def test_a_chat_completion_fits_the_sdks_types_and_counts(client: openai.OpenAI) -> None:
    answer = valid(chat(client, service_tier="flex"))
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.created, answer.model, answer.service_tier) == (
        1_700_000_000,
        "gpt-4o-mini-2024-07-18",
        "flex",
    )
    assert answer.system_fingerprint.startswith("fp_")
    usage = answer.usage
    assert usage.completion_tokens == len(text.tokens(answer.choices[0].message.content))
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens // 4


def test_usage_can_be_set_and_left_out(client: openai.OpenAI) -> None:
    usage = chat(client, "cached=5;cache_write=7;reasoning_tokens=11").usage
    assert (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.cache_write_tokens) == (
        5,
        7,
    )
    assert usage.completion_tokens_details.reasoning_tokens == 11
    assert chat(client, "nousage").usage is None


def test_reasoning_is_shown_and_counted(client: openai.OpenAI) -> None:
    answer = chat(client, "reasoning=Let me think.", reasoning_effort="low")
    assert answer.choices[0].message.reasoning_content == "Let me think."
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    streamed = [
        c.choices[0].delta.to_dict().get("reasoning_content", "")
        for c in chat(client, "reasoning=a b", stream=True)
    ]
    assert "".join(streamed) == "a b"


def test_the_answer_comes_from_the_context_of_the_question(client: openai.OpenAI) -> None:
    context = "Berlin is the capital of Germany. Paris is the capital of France."
    answer = chat(client, messages=[{"role": "system", "content": context}, *HELLO])
    assert answer.choices[0].message.content == "Paris is the capital of France."


def test_echo_repeats_the_last_user_message(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "café 😀"}]
    assert (
        chat(client, "echo", messages=[{"role": "user", "content": parts}]).choices[0].message.content
        == "café 😀"
    )


def test_several_choices_differ_and_are_streamed_interleaved(client: openai.OpenAI) -> None:
    answer = valid(chat(client, n=3))
    said = [choice.message.content for choice in answer.choices]
    assert len(set(said)) == 3
    gathered = ["", "", ""]
    order = []
    for chunk in chat(client, n=3, stream=True):
        gathered[valid(chunk).choices[0].index] += chunk.choices[0].delta.content or ""
        order.append(chunk.choices[0].index)
    assert gathered == said
    assert order[:6] == [0, 1, 2, 0, 1, 2]


def test_usage_is_streamed_last_and_only_on_request(client: openai.OpenAI) -> None:
    whole = chat(client)
    assert all(chunk.choices and not chunk.usage for chunk in chat(client, stream=True))
    *chunks, last = map(valid, chat(client, stream=True, stream_options={"include_usage": True}))
    assert (last.choices, last.usage) == ([], whole.usage)
    assert not any(chunk.usage for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_text_is_cut_at_limits_and_stops(client: openai.OpenAI) -> None:
    cut = chat(client, "text=one two three four", max_tokens=2).choices[0]
    assert (cut.message.content, cut.finish_reason) == ("one two", "length")
    assert chat(client, "text=one two three", stop="three").choices[0].message.content == "one two "
    assert chat(client, "finish=content_filter").choices[0].finish_reason == "content_filter"


def test_a_refusal_replaces_the_content(client: openai.OpenAI) -> None:
    message = valid(chat(client, "refusal=No thanks")).choices[0].message
    assert (message.content, message.refusal) == (None, "No thanks")
    assert (
        "".join(c.choices[0].delta.refusal or "" for c in chat(client, "refusal=No thanks", stream=True))
        == "No thanks"
    )


def test_logprobs_are_given_for_every_token(client: openai.OpenAI) -> None:
    answer = valid(chat(client, logprobs=True, top_logprobs=1))
    tokens = [entry.token for entry in answer.choices[0].logprobs.content]
    assert "".join(tokens) == answer.choices[0].message.content
    assert sum(1 for c in chat(client, logprobs=True, stream=True) if c.choices[0].logprobs) == len(tokens)


def test_the_tools_round_trip(client: openai.OpenAI) -> None:
    asked = valid(chat(client, messages=ASK_WEATHER, tools=TOOLS)).choices[0]
    (call,) = asked.message.tool_calls
    assert (asked.finish_reason, asked.message.content, call.function.name) == (
        "tool_calls",
        None,
        "get_weather",
    )
    assert json.loads(call.function.arguments) == {"city": "Paris", "days": 1}
    result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees"}
    answer = chat(client, messages=[*ASK_WEATHER, asked.message, result], tools=TOOLS).choices[0]
    assert answer.message.content == "According to get_weather: Sunny, 21 degrees."
    assert answer.finish_reason == "stop"


def test_a_tool_call_is_streamed_in_parts(client: openai.OpenAI) -> None:
    chunks = [valid(c).choices[0] for c in chat(client, messages=ASK_WEATHER, tools=TOOLS, stream=True)]
    parts = [part for chunk in chunks for part in chunk.delta.tool_calls or ()]
    assert [part.function.name for part in parts if part.function.name] == ["get_weather"]
    assert [part.id for part in parts[1:]] == [None] * (len(parts) - 1)
    assert json.loads("".join(part.function.arguments for part in parts)) == {"city": "Paris", "days": 1}
    assert chunks[-1].finish_reason == "tool_calls"


def test_tool_deltas_may_lack_their_index(client: openai.OpenAI) -> None:
    chunks = chat(client, "tool_delta_noindex", messages=ASK_WEATHER, tools=TOOLS, stream=True)
    parts = [part.to_dict() for c in chunks for part in c.choices[0].delta.tool_calls or ()]
    assert parts
    assert not any("index" in part for part in parts)


def test_several_tools_can_be_called_at_once(client: openai.OpenAI) -> None:
    tools = [*TOOLS, {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}]
    message = chat(client, "tool_calls=3", messages=ASK_WEATHER, tools=tools).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["get_weather", "get_time", "get_weather"]
    assert len({call.id for call in message.tool_calls}) == 3
    chosen = chat(
        client,
        messages=ASK_WEATHER,
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "get_time"}},
    )
    assert chosen.choices[0].message.tool_calls[0].function.name == "get_time"
    assert (
        chat(client, messages=ASK_WEATHER, tools=tools, tool_choice="none").choices[0].message.tool_calls
        is None
    )


def test_custom_tools_and_legacy_functions_are_called(client: openai.OpenAI) -> None:
    custom: list[Any] = [{"type": "custom", "custom": {"name": "run"}}]
    (call,) = valid(chat(client, tools=custom)).choices[0].message.tool_calls
    assert (call.type, call.custom.name, call.custom.input) == ("custom", "run", HELLO[0]["content"])
    parts = [
        p.custom for c in chat(client, tools=custom, stream=True) for p in c.choices[0].delta.tool_calls or ()
    ]
    assert "".join(part["input"] for part in parts) == HELLO[0]["content"]
    legacy = valid(chat(client, messages=ASK_WEATHER, functions=[WEATHER])).choices[0]
    assert (legacy.finish_reason, legacy.message.function_call.name) == ("function_call", "get_weather")


def test_structured_output_fits_the_schema(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(model="m", messages=HELLO, response_format=Step)
    assert isinstance(parsed.choices[0].message.parsed, Step)
    with client.chat.completions.stream(model="m", messages=HELLO, response_format=Step) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed.choices[0].message.parsed


def test_audio_has_a_transcript_and_sound(client: openai.OpenAI) -> None:
    audio = {"voice": "alloy", "format": "wav"}
    answer = valid(chat(client, modalities=["text", "audio"], audio=audio))
    message = answer.choices[0].message
    assert message.content is None
    assert base64.b64decode(message.audio.data).startswith(b"RIFF")
    assert answer.usage.completion_tokens_details.audio_tokens == len(text.tokens(message.audio.transcript))
    streamed = [
        c.choices[0].delta.to_dict().get("audio") or {}
        for c in chat(client, modalities=["audio"], audio=audio, stream=True)
    ]
    assert "".join(part.get("transcript", "") for part in streamed) == message.audio.transcript


def test_stored_completions_can_be_managed(client: openai.OpenAI) -> None:
    made = chat(client, store=True, metadata={"a": "1"})
    assert valid(client.chat.completions.retrieve(made.id)).to_dict() == made.to_dict()
    assert client.chat.completions.update(made.id, metadata={"b": "2"}).metadata == {"b": "2"}
    assert [each.id for each in client.chat.completions.list()] == [made.id]
    assert [each.content for each in client.chat.completions.messages.list(made.id)] == [HELLO[0]["content"]]
    assert client.chat.completions.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(made.id)


def test_completions_answer_every_prompt(client: openai.OpenAI) -> None:
    made = valid(client.completions.create(model="m", prompt=["Hello", "Bye"], n=2, echo=True))
    assert [choice.index for choice in made.choices] == [0, 1, 2, 3]
    assert made.choices[2].text.startswith("Bye")
    whole = client.completions.create(model="m", prompt="Hello there")
    parts = list(
        client.completions.create(
            model="m", prompt="Hello there", stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(part.choices[0].text for part in parts[:-1]) == whole.choices[0].text
    assert (parts[-1].choices, parts[-1].usage) == ([], whole.usage)


def embed(client: openai.OpenAI, *texts: Any, **params: Any) -> Any:
    return np.array(
        [each.embedding for each in client.embeddings.create(model="m", input=list(texts), **params).data]
    )


def test_texts_that_share_words_are_near(client: openai.OpenAI) -> None:
    asked, near, far = embed(
        client,
        "How do I get a refund for my order?",
        "Refunds for an order are paid within 14 days.",
        "The weather in the mountains was lovely.",
    )
    assert asked @ near > 0.3 > 0.15 > asked @ far


def test_embeddings_are_unit_vectors_of_the_size_asked_for(client: openai.OpenAI) -> None:
    assert embed(client, "a", "", "two words").shape == (3, 256)
    small = embed(client, "a", "", [1, 2, 3], dimensions=16)
    assert small.shape == (3, 16)
    assert np.allclose(np.linalg.norm(small, axis=1), 1)


def test_base64_and_float_embeddings_are_the_same_numbers(client: openai.OpenAI) -> None:
    params: dict[str, Any] = {"model": "m", "input": "How do I get a refund?"}
    plain = valid(client.embeddings.create(**params, encoding_format="float"))
    packed = client.embeddings.create(**params, encoding_format="base64").data[0].embedding
    assert isinstance(packed, str)
    assert list(struct.unpack("<256f", base64.b64decode(packed))) == plain.data[0].embedding
    assert client.embeddings.create(**params).data[0].embedding == plain.data[0].embedding
    assert plain.usage.prompt_tokens == plain.usage.total_tokens == len(text.tokens(params["input"]))
