from __future__ import annotations

import json

import openai

from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

from .sdk import since

pytestmark = since(1, 66)

NAME = "retrieval vs_1"


def test_a_search_is_a_retrieval_with_query_and_documents(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    page = client.vector_stores.search("vs_1", query="When are refunds paid?", max_num_results=2)

    span = telemetry.one(NAME)
    found = dict(span.attributes or {})
    assert span.kind.name == "CLIENT"
    assert found[attr.OPERATION_NAME] == "retrieval"
    assert found[attr.DATA_SOURCE_ID] == "vs_1"
    assert found[attr.PROVIDER_NAME] == "openai"
    assert found[attr.RETRIEVAL_TOP_K] == 2
    assert found[attr.RETRIEVAL_QUERY] == "When are refunds paid?"
    documents = json.loads(found[attr.RETRIEVAL_DOCUMENTS])
    assert [document["id"] for document in documents] == [result.file_id for result in page.data]
    assert [document["score"] for document in documents] == [result.score for result in page.data]
    assert documents[0]["content"] == page.data[0].content[0].text


def test_several_queries_are_recorded_as_json(client: openai.OpenAI, telemetry: Telemetry) -> None:
    client.vector_stores.search("vs_1", query=["refunds", "hours"])

    assert json.loads(telemetry.attributes(NAME)[attr.RETRIEVAL_QUERY]) == ["refunds", "hours"]


def test_a_limit_that_was_not_set_is_absent(client: openai.OpenAI, telemetry: Telemetry) -> None:
    client.vector_stores.search("vs_1", query="refunds")

    assert attr.RETRIEVAL_TOP_K not in telemetry.attributes(NAME)


def test_without_content_only_facts_are_recorded(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.vector_stores.search("vs_1", query="When are refunds paid?")

    assert dict(telemetry_without_content.one(NAME).attributes or {}) == {
        attr.OPERATION_NAME: "retrieval",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.DATA_SOURCE_ID: "vs_1",
    }


async def test_an_async_paginator_searches_when_it_is_awaited_or_iterated(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    paginator = async_client.vector_stores.search("vs_1", query="refunds")
    assert not telemetry.spans
    page = await paginator
    results = [result async for result in async_client.vector_stores.search("vs_1", query="refunds")]

    assert len(telemetry.spans) == 2
    for span in telemetry.spans:
        documents = json.loads((span.attributes or {})[attr.RETRIEVAL_DOCUMENTS])  # type: ignore[arg-type]
        assert [document["id"] for document in documents] == [result.file_id for result in results]
    assert len(page.data) == len(results)


def test_a_raw_search_is_read_from_memory(client: openai.OpenAI, telemetry: Telemetry) -> None:
    raw = client.vector_stores.with_raw_response.search("vs_1", query="refunds")

    documents = json.loads(telemetry.attributes(NAME)[attr.RETRIEVAL_DOCUMENTS])
    assert [document["id"] for document in documents] == [result.file_id for result in raw.parse().data]


def test_everything_else_of_a_vector_store_is_no_span(client: openai.OpenAI, telemetry: Telemetry) -> None:
    store = client.vector_stores.create(name="docs")
    client.vector_stores.retrieve(store.id)
    client.vector_stores.files.list(store.id)

    assert not telemetry.spans
