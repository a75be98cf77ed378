"""One line for what has no JSON form."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import hashlib
import importlib.util
import json
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from unittest import mock

import pytest

from genai_otel.content import describe as say
from genai_otel.content.plain import plain


class Thing:
    def method(self) -> None: ...


class Told:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def numbers() -> Iterator[int]:
    yield 1


async def stream() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numbers, f"<function {__name__}.numbers>"),
        (len, "<function builtins.len>"),
        (Thing().method, f"<function {__name__}.Thing.method>"),
        (functools.partial(numbers), f"<partial {__name__}.numbers>"),
        (functools.partial(functools.partial, int), "<partial functools.partial>"),
        (json, "<module json>"),
        (Thing, f"<class {__name__}.Thing>"),
        (int, "<class int>"),
        (numbers(), "<generator numbers>"),
        (stream(), "<async_generator stream>"),
        (iter([1]), "<list_iterator object>"),
        (threading.Lock(), "<unlocked _thread.lock object>"),
        (ctypes.c_int(5), "c_int(5)"),
        (mock.Mock(name="m"), "<Mock name='m'>"),
        (Ellipsis, "Ellipsis"),
        (Thing(), f"<{__name__}.Thing object>"),
        (Told("<Told at 0x7f00aa>"), "<Told>"),
    ],
    ids=str,
)
def test_descriptions(value: object, expected: str) -> None:
    assert plain(value) == expected


def test_coroutines_are_described_and_can_still_be_awaited() -> None:
    async def answer() -> int:
        return 42

    coroutine = answer()
    assert plain(coroutine) == f"<coroutine {answer.__qualname__}>"
    assert asyncio.run(coroutine) == 42


def test_dead_weak_references_are_described() -> None:
    thing = Thing()
    proxy = weakref.proxy(thing)
    del thing
    assert "weakproxy" in str(plain(proxy))


def test_lazy_modules_stay_unloaded() -> None:
    spec = importlib.util.find_spec("this")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert plain(module) == "<module this>"
    assert "this" not in sys.modules
    assert "_LazyModule" in str(object.__getattribute__(module, "__class__"))


def test_long_reprs_are_cut() -> None:
    text = str(plain(Told("x" * 5_000)))
    assert text == "x" * 999 + "…"


def test_a_repr_shortened_by_its_addresses_is_whole() -> None:
    assert plain(Told("<a at 0x12>" * 100)) == "<a>" * 100


def test_binary_data_is_described_by_size_and_digest() -> None:
    digest = hashlib.sha256(b"abc").hexdigest()[:12]
    assert plain(b"abc") == f"<bytes: 3 B, sha256 {digest}…>"
    assert plain(bytearray(b"abc")) == f"<bytearray: 3 B, sha256 {digest}…>"
    assert plain(memoryview(b"a-b-c-")[::2]) == f"<memoryview: 3 B, sha256 {digest}…>"


def test_large_binary_data_is_not_hashed() -> None:
    assert plain(b"x" * 1_000_001) == "<bytes: 1000001 B>"


def test_a_released_buffer_has_a_placeholder() -> None:
    view = memoryview(b"abc")
    view.release()
    assert plain([view]) == ["<memoryview object>"]


def test_an_exception_whose_text_raises_has_a_placeholder() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert plain([Silent()]) == [f"<{__name__}.{Silent.__qualname__} object>"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("é🎉", "é🎉"),
        ("\ud83d\ude00", "😀"),
        ("\ude00a\ud83d", "\ufffda\ufffd"),
        ("", ""),
    ],
)
def test_well_formed_text_can_be_encoded(text: str, expected: str) -> None:
    assert say.well_formed(text) == expected
    assert say.well_formed(text).encode().decode() == expected


def test_class_names_that_are_not_plain_text_do_no_harm() -> None:
    class Loud(str):
        def __format__(self, spec: str) -> str:
            raise AssertionError

        isascii = None  # type: ignore[assignment]

    class Odd:
        pass

    Odd.__module__, Odd.__qualname__ = Loud("module"), Loud("Odd\ud800")
    assert say.placeholder(Odd) == "<Odd\ufffd object>"
