"""The text of a stream, piece by piece."""

from __future__ import annotations

import tracemalloc

import pytest

from genai_otel.instrumentation.openai.pieces import Pieces


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1_000])
def test_the_pieces_make_the_whole_text(count: int) -> None:
    pieces = Pieces()
    for index in range(count):
        pieces.append(f"{index} ")
    assert "".join(pieces) == "".join(f"{index} " for index in range(count))
    assert bool(pieces) is (count > 0)


def test_what_is_no_string_stays_as_it_is() -> None:
    pieces, part = Pieces(), {"type": "text", "text": "x"}
    for _ in range(300):
        pieces.append([part])
    assert list(pieces) == [[part]] * 300


def test_many_short_pieces_take_little_more_than_their_characters() -> None:
    tracemalloc.start()
    try:
        pieces = Pieces()
        for index in range(20_000):
            pieces.append(f" w{index % 10_000:05}")
        current = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert current < 20_000 * 7 * 1.5
