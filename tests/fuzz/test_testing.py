"""What ``genai_otel.testing`` says of a random forest of spans is what was made."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import genai_otel
from genai_otel.testing import capture_spans
from genai_otel.testing.filters import Filter
from genai_otel.testing.snapshots import in_order
from tests.fuzz.budget import budget

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
nodes = st.recursive(
    st.tuples(st.sampled_from("abc"), json_values, st.booleans(), st.just(())),
    lambda inner: st.tuples(
        st.sampled_from("abc"), json_values, st.booleans(), st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)
forests = st.lists(nodes, max_size=3)


class Boom(Exception):
    pass


def make(node: Any, path: str) -> int:
    """Make the spans of a node; returns how many."""
    name, value, fails, inner = node
    try:
        with genai_otel.start_span(name=f"{path}{name}") as span:
            span.set_inputs(value).set_outputs({"out": value})
            made = 1 + sum(make(one, f"{path}{number}.") for number, one in enumerate(inner))
            if fails:
                raise Boom(name)
    except Boom:
        return made
    return made


def paths(node: Any, path: str) -> Any:
    yield f"{path}{node[0]}", node
    for number, one in enumerate(node[3]):
        yield from paths(one, f"{path}{number}.")


@budget(60)
@given(forests)
@example([("a", "", False, (("b", [], True, ()),)), ("a", {"": None}, False, ())])
def test_a_capture_reads_back_what_was_recorded(forest: Any) -> None:
    expected = dict(pair for number, node in enumerate(forest) for pair in paths(node, f"{number}."))
    captures = []
    for _ in range(2):
        with capture_spans(deterministic=True) as captured:
            made = sum(make(node, f"{number}.") for number, node in enumerate(forest))
        assert len(captured.spans) == made == len(expected)
        captures.append(captured)
    assert captures[0].snapshot() == captures[1].snapshot()
    assert captures[0].tree() == captures[1].tree()
    ordered = in_order(list(captures[0].spans))
    assert [span.name for span in ordered] == list(expected)
    by_id = {span.span_id: span for span in ordered}
    for span in ordered:
        _, value, fails, _ = expected[span.name]
        assert span.inputs == value or value is None
        assert span.outputs == {"out": value}
        assert span.status.is_ok != fails
        assert span.name in captures[0].tree()
        if span.parent_id is not None:
            assert span.name.rpartition(".")[0].rpartition(".")[0] == by_id[span.parent_id].name[:-2]
    roots = [span.name for span in Filter(None, None, None, None).select(ordered)]
    assert roots == [f"{number}.{node[0]}" for number, node in enumerate(forest)]
