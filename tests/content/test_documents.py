"""Retrieval results and memory records, whatever a store calls their fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from genai_otel.content.documents import documents, memory_records
from genai_otel.content.tools import tool_definitions
from tests.content.message_schema import assert_json, assert_schema


def found(value: Any) -> list[dict[str, Any]]:
    result = documents(value)
    assert_json(result)
    assert_schema("gen-ai-retrieval-documents", result)
    return result


def remembered(value: Any) -> list[dict[str, Any]]:
    result = memory_records(value)
    assert_json(result)
    assert all("content" in record for record in result)
    assert_schema("gen-ai-memory-records", result)
    return result


@dataclass
class Document:
    page_content: str
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None


class Opaque:
    """Neither a dict nor a model: only its attributes say what it is."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_gives_no_documents(nothing: Any) -> None:
    assert found(nothing) == []
    assert remembered(nothing) == []


def test_dicts_keep_what_they_carry() -> None:
    given = {"id": "d1", "score": 0.9, "content": "text", "metadata": {"page": 1}, "distance": 0.1}
    assert found([given]) == [given]


def test_texts_are_contents() -> None:
    assert found(["a", "b"]) == [{"content": "a"}, {"content": "b"}]
    assert found("a") == [{"content": "a"}]


@pytest.mark.parametrize("name", ["content", "page_content", "text"])
def test_the_text_is_the_content_whatever_its_name(name: str) -> None:
    assert found([{"id": "1", name: "t"}]) == [{"id": "1", "content": "t"}]
    assert found([SimpleNamespace(id="1", **{name: "t"})])[0] == {"id": "1", "content": "t"}


def test_documents_of_langchain() -> None:
    assert found([Document("p", {"source": "s"}, "7")]) == [
        {"id": "7", "content": "p", "metadata": {"source": "s"}}
    ]


def test_objects_are_read_by_their_attributes() -> None:
    entry = Opaque(id="1", score=0.5, text="t", metadata={"a": 1}, secret=object())
    assert found([entry]) == [{"id": "1", "score": 0.5, "content": "t", "metadata": {"a": 1}}]


def test_pairs_of_document_and_score() -> None:
    expected = {"content": "p", "metadata": {}, "score": 0.25}
    assert found([(Document("p"), 0.25)]) == [expected]
    assert found((Document("p"), 0.25)) == [expected]
    assert found([("p", 1)]) == [{"content": "p", "score": 1}]


def test_search_results_of_openai() -> None:
    result = {
        "file_id": "file_1",
        "filename": "a.md",
        "score": 0.7,
        "attributes": {},
        "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
    }
    expected = {
        "id": "file_1",
        "file_id": "file_1",
        "filename": "a.md",
        "score": 0.7,
        "attributes": {},
        "content": "one\ntwo",
    }
    assert found([result]) == [expected]
    assert found({"object": "page", "data": [result], "has_more": False}) == [expected]
    openai_types = pytest.importorskip("openai.types")
    assert found([openai_types.VectorStoreSearchResponse.construct(**result)]) == [expected]


def test_scored_nodes_of_llama_index() -> None:
    node = SimpleNamespace(id_="n", text="t", metadata={"a": 1})
    (document,) = found([SimpleNamespace(node=node, score=0.5)])
    assert (document["id"], document["score"], document["content"]) == ("n", 0.5, "t")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (7, "7"),
        ("7", "7"),
        (None, None),
        (1.5, "1.5"),
    ],
)
def test_ids_are_strings(given: Any, expected: str | None) -> None:
    assert found([{"id": given, "text": "t"}])[0].get("id") == expected


@pytest.mark.parametrize(
    ("given", "score", "raw"),
    [
        (1, 1, None),
        ("0.5", 0.5, None),
        (float("nan"), None, None),
        (float("inf"), None, None),
        ("nan", None, "nan"),
        ("high", None, "high"),
        (True, None, True),
        ({"cosine": 1}, None, {"cosine": 1}),
        (None, None, None),
    ],
)
def test_scores_are_finite_numbers(given: Any, score: Any, raw: Any) -> None:
    (document,) = found([{"score": given, "text": "t"}])
    assert document.get("score") == score
    assert document.get("raw_score") == raw


def test_numpy_scores_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert found([("p", float(numpy.float32(0.5)))])[0]["score"] == 0.5
    assert found([{"text": "p", "score": numpy.float32(0.5)}])[0]["score"] == 0.5
    assert found([("p", numpy.float32(0.5))])[0] == {"content": "p", "score": 0.5}


def test_vectors_and_binaries_are_left_out() -> None:
    url = "data:image/png;base64," + "A" * 400
    (document,) = found([{"text": url, "embedding": [0.1] * 10, "vector": [0.2], "metadata": {"i": url}}])
    assert document.keys() == {"content", "metadata"}
    assert "A" * 40 not in str(document)


@pytest.mark.parametrize("value", [5, object(), [None, 3, [1, 2], {}], {"a": 1}, {"documents": [[1]]}])
def test_anything_else_is_a_document_too(value: Any) -> None:
    assert found(value)
    assert remembered(value)


def test_generators_are_not_consumed() -> None:
    generator = (text for text in ["a"])
    documents(generator)
    memory_records([generator])
    assert list(generator) == ["a"]


def test_memory_records_have_a_content() -> None:
    assert remembered(["likes tea"]) == [{"content": "likes tea"}]
    assert remembered([{"id": 1, "memory": "likes tea", "score": 0.5}]) == [
        {"id": "1", "score": 0.5, "content": "likes tea"}
    ]
    assert remembered({"results": [{"memory": "m"}]}) == [{"content": "m"}]
    assert remembered([{"id": "1", "fact": "f"}]) == [{"id": "1", "fact": "f", "content": {"fact": "f"}}]
    assert remembered([({"value": {"a": 1}}, 0.5)]) == [{"content": {"a": 1}, "score": 0.5}]


@pytest.mark.parametrize(
    ("given", "expected"), [({"a": 1}, {"a": 1}), ("x", {"value": "x"}), ([1], {"value": [1]}), (None, None)]
)
def test_metadata_of_memory_records_is_an_object(given: Any, expected: Any) -> None:
    assert remembered([{"content": "c", "metadata": given}])[0]["metadata"] == expected


class Torn(list[Any]):
    """A list that refuses to be iterated."""

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError


def test_lists_that_refuse_to_be_iterated_are_read_as_plain_data() -> None:
    assert documents(Torn(["a"])) == [{"content": "a"}]
    assert memory_records(Torn(["a"])) == [{"content": "a"}]
    assert tool_definitions(Torn(["a"])) == [{"type": "function", "name": "a"}]
