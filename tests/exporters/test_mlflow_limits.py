"""Values that an MLflow server would refuse together with the whole batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from genai_otel.exporters.mlflow_attributes import mlflow_attributes
from genai_otel.exporters.mlflow_limits import acceptable, text, usage
from genai_otel.exporters.span_copies import with_attributes
from tests.exporters.scripted import Script


@pytest.mark.parametrize("key", ["session.id", "gen_ai.conversation.id", "user.id"])
def test_ids_are_cut(key: str) -> None:
    assert len(acceptable(key, "x" * 300)) == 250
    assert acceptable(key, "short") == "short"
    assert acceptable(key, 7) == "7"


def test_names_and_tags_are_cut() -> None:
    assert len(acceptable("mlflow.traceTag.mlflow.traceName", "x" * 5_000)) == 4_096
    assert len(acceptable("mlflow.traceTag.k", "x" * 5_000)) == 4_096
    assert acceptable("mlflow.traceTag." + "k" * 251, "v") is None


@pytest.mark.parametrize(
    ("given_usage", "kept"),
    [
        ('{"input_tokens":1,"output_tokens":2}', {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
        ('{"input_tokens":1,"output_tokens":"many"}', {"input_tokens": 1, "total_tokens": 1}),
        ('{"input_tokens":null}', None),
        ("[1]", None),
        ("not json", None),
        ('{"total_tokens":9}', {"total_tokens": 9}),
    ],
)
def test_token_usage_is_made_of_counts(given_usage: str, kept: Any) -> None:
    found = acceptable("mlflow.chat.tokenUsage", given_usage)
    assert (None if found is None else json.loads(found)) == kept


@pytest.mark.parametrize("count", [2**63, -1, 1.5, True, "3", None])
def test_counts_that_can_not_be_added_up_are_left_out(count: Any) -> None:
    assert usage({"input_tokens": count}) is None


@pytest.mark.parametrize("cost", ["[1]", "x", "{}", '{"total_cost":"a"}', '{"total_cost":NaN}'])
def test_costs_that_are_none_are_left_out(cost: str) -> None:
    assert acceptable("mlflow.llm.cost", cost) is None


def test_text_is_fit_for_every_store() -> None:
    assert text("a\x00b\ud800c") == "a�b?c"
    assert text({"a": 1}) == '{"a":1}'
    assert len(text("é" * 50, 10)) == 10


values = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.lists(st.text()),
    st.lists(st.integers()),
    st.lists(st.booleans()),
)
keys = st.one_of(
    st.text(min_size=1),
    st.sampled_from(
        [
            "session.id",
            "user.id",
            "mlflow.chat.tokenUsage",
            "mlflow.llm.cost",
            "mlflow.traceTag.a",
            "gen_ai.usage.input_tokens",
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.retrieval.documents",
            "gen_ai.tool.definitions",
            "input.value",
            "output.value",
            "input.mime_type",
        ]
    ),
)


@given(st.dictionaries(keys, values, max_size=8))
def test_whatever_a_span_carries_can_be_sent(attributes: dict[str, Any]) -> None:
    sent = mlflow_attributes(attributes, "LLM")
    script = Script()
    span = script.start("s")
    span.end()
    (request,) = encode_spans([with_attributes(span, sent)]).resource_spans
    assert len(request.scope_spans[0].spans[0].attributes) == len(sent)
