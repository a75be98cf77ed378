"""Measuring, neutralising and cutting text for a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genai_otel.exporters.cells import cut, pad, visible, width


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("日本", 4), ("🙂", 2), ("e\u0301", 1), ("├─ ", 3), ("", 0)]
)
def test_wide_characters_take_two_cells_and_combining_ones_none(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\tb\r\nc", "a b c"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("bell\x07 \x7f \x9b", "bell␇ \ufffd \ufffd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\ud800", "\ufffd"),
        ("👩\u200d👧", "👩👧"),
        ("  padded  ", "padded"),
    ],
)
def test_text_becomes_one_harmless_line(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_steers_a_terminal_survives(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut("日本", 4, "…") == "日本"


@pytest.mark.parametrize(
    ("limit", "left"), [(3, "日…"), (2, "…"), (1, "…"), (0, ""), (-3, "")]
)  # a wide character is never halved
def test_a_long_text_ends_in_an_ellipsis(limit: int, left: str) -> None:
    assert cut("日本", limit, "…") == left


@given(st.text(), st.integers(-2, 40), st.sampled_from(["…", "..."]))
def test_a_cut_text_is_never_wider_than_asked(text: str, limit: int, ellipsis: str) -> None:
    assert width(cut(visible(text), limit, ellipsis)) <= max(limit, 0)


def test_padding_counts_cells() -> None:
    assert (pad("日", 4), pad("日", 4, right=True), pad("long", 2)) == ("日  ", "  日", "long")
