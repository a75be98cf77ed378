"""No instrumentation at all: what the others are measured above."""

from __future__ import annotations

from typing import Any


def install(provider: Any, content: bool) -> None:
    return


def sync(fn: Any) -> Any:
    return fn


coroutine = generator = sync


def block(inputs: Any, work: Any) -> Any:
    return work()


def openai() -> None:
    return
