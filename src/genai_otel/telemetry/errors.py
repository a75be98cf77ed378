"""How an exception is described: its type, and a message and a stack trace that leak no content.

Provider SDKs quote requests and answers in their messages. While content is off, the message of such an exception is
replaced by what is safe (status and error code), wherever in the chain of causes it stands and wherever the message
of another exception repeats it.
"""

from __future__ import annotations

import linecache
import re
import traceback
from itertools import pairwise
from types import FrameType, TracebackType
from typing import Any, Final

from ..content.describe import well_formed
from ..conventions import attributes as attr

# Packages whose exception messages quote what was sent or received.
_QUOTING: Final = frozenset({"openai", "pydantic", "pydantic_core", "httpx", "httpx2", "anthropic", "jiter"})
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MAX_MESSAGE: Final = 4_096
_MAX_CHAIN: Final = 16
_MAX_FRAMES: Final = 100


def error_type(exc: BaseException) -> str:
    """Return the low-cardinality ``error.type``: built-ins by bare name, other classes fully qualified."""
    cls = type(exc)
    module = cls.__module__
    return cls.__qualname__ if module in ("builtins", None) else f"{module}.{cls.__qualname__}"


def message(exc: BaseException, *, content: bool) -> str:
    """Return the exception's message; without ``content``, only the safe part of a provider's."""
    if not content and _quotes(exc):
        return _safe_message(exc)
    text = _text(exc)
    if not content:
        text = _without_repeated(text, exc)
    return well_formed(text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…")


def stacktrace(exc: BaseException, *, content: bool) -> str:
    """Return the stack trace of an exception and its causes, messages treated as by :func:`message`."""
    chain = _chain(exc)
    blocks = [_block(chain[0], content=content)]
    for effect, cause in pairwise(chain):
        note = _CAUSED if effect.__cause__ is cause else _DURING
        blocks.append(_block(cause, content=content) + note)
    return "".join(reversed(blocks))


def _chain(exc: BaseException) -> list[BaseException]:
    """Return the exception and, one by one, what caused it or was being handled."""
    chain: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and all(link is not known for known in chain) and len(chain) < _MAX_CHAIN:
        chain.append(link)
        link = link.__cause__ if link.__cause__ is not None or link.__suppress_context__ else link.__context__
    return chain


_CAUSED: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"


def _block(exc: BaseException, *, content: bool) -> str:
    frames = _frames(exc.__traceback__)
    header = "Traceback (most recent call last):\n" if frames else ""
    text = message(exc, content=content)
    return f"{header}{frames}{error_type(exc)}{f': {text}' if text else ''}\n"


def _frames(outermost: TracebackType | None) -> str:
    """Return the frames of a traceback as text; of a deep one only those nearest to where it was raised.

    As ``traceback`` writes them, without the marks under parts of a line: finding those costs most of its time.
    """
    depth, nearest, link = 0, outermost, outermost
    while link is not None:
        depth, link = depth + 1, link.tb_next
        if depth > _MAX_FRAMES and nearest is not None:
            nearest = nearest.tb_next
    lines = [f"  … {depth - _MAX_FRAMES} frames left out\n"] if depth > _MAX_FRAMES else []
    lines += [_line(frame, number) for frame, number in traceback.walk_tb(nearest)]
    return "".join(lines)


def _line(frame: FrameType, number: int) -> str:
    code = frame.f_code
    source = linecache.getline(code.co_filename, number, frame.f_globals).strip()
    place = f'  File "{code.co_filename}", line {number}, in {code.co_name}\n'
    return f"{place}    {source}\n" if source else place


def exception_attributes(exc: BaseException, *, content: bool) -> dict[str, Any]:
    """Return the three attributes of an ``exception`` event (an empty message is left out)."""
    text = message(exc, content=content)
    attributes: dict[str, Any] = {attr.EXCEPTION_TYPE: error_type(exc)}
    if text:
        attributes[attr.EXCEPTION_MESSAGE] = text
    attributes[attr.EXCEPTION_STACKTRACE] = stacktrace(exc, content=content)
    return attributes


def _quotes(exc: BaseException) -> bool:
    return any((base.__module__ or "").partition(".")[0] in _QUOTING for base in type(exc).__mro__)


def _text(exc: BaseException) -> str:
    try:
        return str(exc)
    except BaseException:
        return f"<{type(exc).__name__} whose message cannot be read>"


def _without_repeated(text: str, exc: BaseException) -> str:
    """Return a message without what it repeats of the provider's exceptions behind it."""
    for link in _chain(exc)[1:] if text else ():
        if _quotes(link):
            for quoted in (_text(link), getattr(link, "message", None)):
                if isinstance(quoted, str) and quoted:
                    text = text.replace(quoted, _safe_message(link))
    return text


def _safe_message(exc: BaseException) -> str:
    status = getattr(exc, "status_code", None)
    code = getattr(exc, "code", None)
    parts = [f"Error code: {status}"] if isinstance(status, int) else []
    if isinstance(code, str) and _CODE.fullmatch(code):
        parts.append(code)
    return " - ".join(parts)


def without_quotes(description: str | None, exc: BaseException, *, content: bool) -> str | None:
    """Return a status description with the message of a quoting exception replaced by its safe part."""
    if description is None or content:
        return description
    if _quotes(exc):
        return message(exc, content=False) or None
    return _without_repeated(description, exc)
