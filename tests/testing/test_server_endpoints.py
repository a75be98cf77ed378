from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest

from genai_otel.testing.server import OpenAIServer
from tests.testing.server_calls import ASK_WEATHER, HELLO, PNG, TOOLS, valid

pytest_plugins = ("tests.testing.server_fixtures",)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_images_have_data_and_usage(client: openai.OpenAI) -> None:
    made = valid(client.images.generate(model="gpt-image-1", prompt="A red dot", n=2))
    assert base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG")
    assert (len(made.data), made.usage.input_tokens) == (2, 3)
    assert valid(client.images.generate(model="dall-e-3", prompt="A red dot")).data[0].url
    assert valid(
        client.images.edit(model="gpt-image-1", image=[("a.png", PNG), ("b.png", PNG)], prompt="Blue")
    ).usage.input_tokens_details.image_tokens
    assert valid(client.images.create_variation(image=("a.png", PNG), n=2)).data[1].url


def test_images_are_streamed(client: openai.OpenAI) -> None:
    events = [
        valid(e)
        for e in client.images.generate(model="gpt-image-1", prompt="Dot", stream=True, partial_images=2)
    ]
    assert [e.type for e in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert events[-1].usage.total_tokens
    edited = list(
        client.images.edit(
            model="gpt-image-1", image=("a.png", PNG), prompt="Dot", stream=True, partial_images=1
        )
    )
    assert [valid(e).type for e in edited] == ["image_edit.partial_image", "image_edit.completed"]


def test_speech_is_bytes(client: openai.OpenAI) -> None:
    spoken = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="wav")
    assert spoken.content.startswith(b"RIFF")
    events = client.audio.speech.create(model="tts", voice="alloy", input="Hello", stream_format="sse").text
    assert "speech.audio.done" in events


def hear(client: openai.OpenAI, **params: Any) -> Any:
    params = {"model": "gpt-4o-transcribe", "file": ("speech.wav", b"\r\n" + bytes(16000)), **params}
    return client.audio.transcriptions.create(**params)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_audio_is_transcribed_in_every_format(server: OpenAIServer, client: openai.OpenAI) -> None:
    assert valid(hear(client)).usage.input_token_details.audio_tokens == 10
    assert server.requests[0].form["file"] == ("speech.wav", b"\r\n" + bytes(16000))
    assert valid(hear(client, model="whisper-1")).usage.seconds == 1.0
    assert (
        valid(hear(client, response_format="verbose_json", timestamp_granularities=["word"])).segments[0].end
        == 1.0
    )
    assert valid(hear(client, response_format="diarized_json")).segments[0].speaker == "A"
    assert hear(client, response_format="text") == "Transcript of speech.wav.\n"
    events = [valid(event) for event in hear(client, stream=True)]
    assert (events[0].type, events[-1].text) == ("transcript.text.delta", "Transcript of speech.wav.")
    assert events[-1].usage.output_tokens
    translated = client.audio.translations.create(model="whisper-1", file=("speech.wav", b"x"))
    assert translated.text == "Translation of speech.wav."


def test_moderation_flags_telling_words(client: openai.OpenAI) -> None:
    checked = valid(client.moderations.create(input=["I like you", "I will kill the process"]))
    assert [result.flagged for result in checked.results] == [False, True]
    assert checked.results[1].categories.violence


def test_decisions_answer_each_kind_of_question(client: openai.OpenAI) -> None:
    questions: list[Any] = [
        {"type": "predicate", "name": "p", "instructions": "Is a refund wanted?"},
        {"type": "choice", "instructions": "Which?", "choices": [{"value": "praise"}, {"value": "refund"}]},
        {"type": "score", "instructions": "How much?", "levels": [{"label": "calm"}, {"label": "angry"}]},
    ]
    decided = valid(
        client.decisions.create(model="gpt-6-luna", input="I am angry and want a refund", questions=questions)
    )
    assert [decided.answers[0].probability, decided.answers[1].choice, decided.answers[2].score] == [
        0.9,
        "refund",
        1.0,
    ]
    assert decided.usage.total_tokens


def test_vector_stores_rank_what_they_hold(client: openai.OpenAI) -> None:
    files = [
        client.files.create(file=(name, held.encode()), purpose="assistants").id
        for name, held in (
            ("fish.txt", "Trout swim in cold rivers."),
            ("refund.txt", "Refunds take 14 days."),
        )
    ]
    store = valid(client.vector_stores.create(name="s", file_ids=files))
    found = [
        valid(result) for result in client.vector_stores.search(store.id, query="How long do refunds take?")
    ]
    assert (found[0].filename, found[0].file_id) == ("refund.txt", files[1])
    assert found[0].score > found[1].score
    assert [each.id for each in client.vector_stores.files.list(store.id)] == files
    sample = list(client.vector_stores.search("vs_any", query="opening hours on weekdays", max_num_results=1))
    assert sample[0].filename == "hours.txt"


def test_files_batches_and_models(client: openai.OpenAI) -> None:
    line = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": HELLO},
    }
    file = valid(client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch"))
    assert json.loads(client.files.content(file.id).content) == line
    batch = valid(
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    )
    assert batch.status == "validating"
    done = valid(client.batches.retrieve(batch.id))
    output = json.loads(client.files.content(done.output_file_id).content)
    assert (done.status, output["custom_id"], output["response"]["body"]["object"]) == (
        "completed",
        "a",
        "chat.completion",
    )
    assert "gpt-4o-mini" in {valid(model).id for model in client.models.list()}
    assert client.models.retrieve("anything").id == "anything"


def test_uploads_and_videos(client: openai.OpenAI) -> None:
    upload = valid(
        client.uploads.create(bytes=4, filename="a.txt", mime_type="text/plain", purpose="assistants")
    )
    parts = [client.uploads.parts.create(upload.id, data=data).id for data in (b"ab", b"cd")]
    completed = valid(client.uploads.complete(upload.id, part_ids=parts))
    assert client.files.content(completed.file.id).content == b"abcd"
    with pytest.warns(DeprecationWarning):
        video = valid(client.videos.create(prompt="A cat"))
        assert (video.status, client.videos.retrieve(video.id).status) == ("queued", "completed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_assistants_run_threads(client: openai.OpenAI) -> None:
    beta = client.beta
    assistant = valid(beta.assistants.create(model="gpt-4o-mini", name="a", instructions="Be brief."))
    thread = valid(beta.threads.create(messages=[{"role": "user", "content": "Hello"}]))
    run = valid(beta.threads.runs.create(thread.id, assistant_id=assistant.id))
    assert run.status == "queued"
    done = valid(beta.threads.runs.retrieve(run.id, thread_id=thread.id))
    assert (done.status, done.usage.total_tokens > 0) == ("completed", True)
    newest = valid(next(iter(beta.threads.messages.list(thread.id))))
    assert (newest.role, newest.run_id) == ("assistant", run.id)
    assert [valid(step).status for step in beta.threads.runs.steps.list(run.id, thread_id=thread.id)] == [
        "completed"
    ]
    with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        events = [valid(event).event for event in stream]
    assert (events[0], events[-1]) == ("thread.run.created", "thread.run.completed")
    assert "thread.message.delta" in events


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_asks_for_its_tools(client: openai.OpenAI) -> None:
    runs = client.beta.threads.runs
    assistant = client.beta.assistants.create(model="m", tools=TOOLS)
    run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread={"messages": ASK_WEATHER})
    asking = valid(runs.retrieve(run.id, thread_id=run.thread_id))
    (call,) = asking.required_action.submit_tool_outputs.tool_calls
    assert (asking.status, json.loads(call.function.arguments)["city"]) == ("requires_action", "Paris")
    runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "Sunny"}]
    )
    assert runs.retrieve(run.id, thread_id=run.thread_id).status == "completed"
    newest: Any = next(iter(client.beta.threads.messages.list(run.thread_id)))
    assert newest.content[0].text.value == "According to get_weather: Sunny."


def test_azure_paths_are_served_with_content_filters(server: OpenAIServer) -> None:
    address = server.base_url.removesuffix("/v1")
    azure = openai.AzureOpenAI(
        api_key="test", azure_endpoint=address, api_version="2024-10-21", max_retries=0
    )
    answer: Any = azure.chat.completions.create(model="my-deployment", messages=HELLO)
    assert server.requests[0].path == "/openai/deployments/my-deployment/chat/completions"
    assert (answer.model, len(answer.prompt_filter_results)) == ("my-deployment-2024-07-18", 1)
    first = next(iter(azure.chat.completions.create(model="d", messages=HELLO, stream=True)))
    assert first.choices == []
    assert azure.responses.create(model="d", input="Hi").output_text
    v1 = openai.OpenAI(api_key="test", base_url=f"{address}/openai/v1")
    assert v1.embeddings.create(model="d", input="Hi").data


async def test_every_family_works_with_the_async_client(aclient: openai.AsyncOpenAI) -> None:
    answer = await aclient.chat.completions.create(model="m", messages=HELLO)
    stream = await aclient.chat.completions.create(model="m", messages=HELLO, stream=True)
    said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert said == answer.choices[0].message.content
    events = [event async for event in await aclient.responses.create(model="m", input="Hi", stream=True)]
    assert events[-1].type == "response.completed"
    assert (await aclient.embeddings.create(model="m", input="Hi")).data
    assert (await aclient.completions.create(model="m", prompt="Hi")).choices
    assert (await aclient.images.generate(model="gpt-image-1", prompt="Dot")).usage
    assert (await aclient.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"x"))).text
    assert (await aclient.moderations.create(input="Hi")).results
    assert [found async for found in aclient.vector_stores.search("vs_1", query="refund")]
    assert [model async for model in aclient.models.list()]


async def test_errors_and_retries_with_the_async_client(
    server: OpenAIServer, aclient: openai.AsyncOpenAI
) -> None:
    failing = {"x-mock": "status=503;times=2;retry_after=0.01"}
    retrying = aclient.with_options(max_retries=2)
    assert (await retrying.chat.completions.create(model="m", messages=HELLO, extra_headers=failing)).id
    assert len(server.requests) == 3
    with pytest.raises(openai.APIConnectionError):
        stream = await aclient.chat.completions.create(
            model="m",
            messages=HELLO,
            stream=True,
            extra_headers={"x-mock": "abort_after=2"},
        )
        [chunk async for chunk in stream]
