"""Retrieval results and memory records as the conventions want them, whatever a store calls their fields."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import Any, Final

from genai_otel.content.fields import field, first, identifier, kind_of, number, sequence, string
from genai_otel.content.media import without_binaries
from genai_otel.content.plain import plain
from genai_otel.content.second_try import second_try

_ID: Final = ("id", "document_id", "doc_id", "file_id", "id_", "node_id", "_id")
_CONTENT: Final = ("content", "page_content", "text", "document")
_MEMORY: Final = (*_CONTENT, "memory", "value", "data")
_KEPT: Final = ("metadata", "attributes", "payload", "distance", *_ID[1:4], "filename", "title", "url")
_LISTS: Final = ("documents", "results", "data", "matches", "points", "nodes", "source_nodes", "hits")
_NO_DOCUMENT: Final = (list, tuple, int, float)
_VECTORS: Final = ("embedding", "embeddings", "vector", "vectors")


def documents(value: object) -> list[dict[str, Any]]:
    """The documents of a retrieval result: ``{id?, score?, content?, …}``, with whatever else they carry.

    Takes a list (or an object that holds one) of texts, dicts, objects or ``(document, score)`` pairs. Ids
    are strings and scores numbers; embedding vectors are left out. Never raises.
    """
    try:
        return _documents(value)
    except Exception as exc:
        return second_try(exc, "content.documents.documents", _documents, value, list)


def memory_records(value: object) -> list[dict[str, Any]]:
    """The records of a memory store: ``{content, id?, score?, metadata?, …}``.

    Takes what ``documents`` takes. Never raises.
    """
    try:
        return _memory_records(value)
    except Exception as exc:
        return second_try(exc, "content.documents.memory_records", _memory_records, value, list)


def _documents(value: object) -> list[dict[str, Any]]:
    return [_document(entry) for entry in _entries(value)]


def _memory_records(value: object) -> list[dict[str, Any]]:
    return [_memory_record(entry) for entry in _entries(value)]


def _entries(value: object) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [value] if isinstance(value, tuple) and _is_scored(value) else value
    return _held(value) or [value]


def _held(value: object) -> list[Any] | tuple[Any, ...]:
    """The list of documents inside a page of results, unless the value is a document itself."""
    if isinstance(value, str) or first(value, ("id", "score", *_CONTENT)) is not None:
        return ()
    lists = (sequence(field(value, name)) for name in _LISTS)
    return next((found for found in lists if found and not isinstance(found[0], _NO_DOCUMENT)), ())


def _is_scored(entry: object) -> bool:
    """Whether the entry is ``(document, score)``."""
    return (
        isinstance(entry, (list, tuple)) and len(entry) == 2 and _is_real(entry[1]) and not _is_real(entry[0])
    )


def _is_real(value: object) -> bool:
    """Whether the value is a number, of numpy too."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _document(entry: Any) -> dict[str, Any]:
    if _is_scored(entry):
        return {**_document_fields(entry[0], _CONTENT), **_score(entry[1])}
    return _document_fields(entry, _CONTENT)


def _memory_record(entry: Any) -> dict[str, Any]:
    scored = _is_scored(entry)
    record = _document_fields(entry[0] if scored else entry, _MEMORY)
    if scored:
        record.update(_score(entry[1]))
    record.setdefault("content", {key: value for key, value in record.items() if key not in ("id", "score")})
    metadata = record.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        record["metadata"] = {"value": metadata}
    return record


def _document_fields(entry: object, content: tuple[str, ...]) -> dict[str, Any]:
    node = field(entry, "node")  # a scored node of LlamaIndex
    inner = entry if node is None or isinstance(node, str) else node
    raw = _raw_fields(inner, content)
    document = {key: value for key, value in raw.items() if key not in ("id", "score", *content, *_VECTORS)}
    found = next((raw[name] for name in content if raw.get(name) is not None), None)
    fields: dict[str, Any] = {**_id(inner), **_score(first(entry, ("score",)))}
    if found is not None:
        fields["content"] = _joined(found)
    return {**fields, **without_binaries(document)}


def _raw_fields(entry: object, content: tuple[str, ...]) -> dict[str, Any]:
    """What a document carries, as plain data: every field of a dict or model, the known ones of an object."""
    copied = plain(entry)
    if isinstance(copied, dict):
        return copied
    if not isinstance(entry, (str, list, tuple)):
        known = {name: field(entry, name) for name in (*content, *_KEPT)}
        present = {name: plain(value) for name, value in known.items() if value is not None}
        if present:
            return present
    return {"content": copied}


def _joined(content: Any) -> Any:
    """The text of a list of text parts; any other content without inline binaries."""
    texts = [string(field(part, "text")) for part in sequence(content) if kind_of(part) == "text"]
    if texts and len(texts) == len(content):
        return "\n".join(text or "" for text in texts)
    return without_binaries(content)


def _id(entry: object) -> dict[str, Any]:
    found = identifier(first(entry, _ID))
    if found is None and not isinstance(first(entry, ("id",)), (dict, list, type(None))):
        found = str(plain(field(entry, "id")))
    return {} if found is None else {"id": found}


def _score(value: object) -> dict[str, Any]:
    """A score as a finite number; one that is none is kept beside it."""
    score = plain(value)
    if isinstance(score, str):
        score = _as_number(score)
    if number(score):
        return {"score": score}
    return {} if score is None else {"raw_score": score}


def _as_number(text: str) -> Any:
    try:
        score = float(text)
    except ValueError:
        return text
    return score if isfinite(score) else text
