"""How an exception is described: its type, and a message and a stack trace that leak no content.

Provider SDKs quote requests and answers in their messages. While content is off, the message of such an exception is
replaced by what is safe (status and error code), wherever in the chain of causes it stands and wherever the message
of another exception repeats it or a part of it; URLs lose their credentials and queries, stack traces the lines of
source code. A redactor sees messages whole: they are shortened afterwards.
"""

from __future__ import annotations

import builtins
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from types import FrameType, TracebackType
from typing import Any, Final

from ..content.describe import cut, well_formed
from ..content.policy import ContentPolicy
from ..conventions import attributes as attr

# Packages whose exception messages quote what was sent or received.
_QUOTING: Final = frozenset(
    {
        "openai", "pydantic", "pydantic_core", "httpx", "httpx2", "anthropic", "jiter", "jsonschema",
        "botocore", "cohere", "google", "groq", "huggingface_hub", "instructor", "langchain_core", "litellm",
        "mistralai", "ollama", "together",
    }
)  # fmt: skip
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_USER_INFO: Final = re.compile(r"(?<=://)[^\s/'\"]+@")
_QUERY: Final = re.compile(r"\?[^\s'\"<>()=?]*=[^\s'\"<>()]*")
_MAX_MESSAGE: Final = 4_096
_MAX_STACKTRACE: Final = 100_000
_MAX_CHAIN: Final = 16
_MAX_FRAMES: Final = 100


def error_type(exc: BaseException) -> str:
    """Return the low-cardinality ``error.type``: built-ins by bare name, other classes fully qualified."""
    cls = type(exc)
    module = cls.__module__
    return cls.__qualname__ if module in ("builtins", None) else f"{module}.{cls.__qualname__}"


def message(exc: BaseException, *, content: bool, whole: bool = False) -> str:
    """Return the exception's message; without ``content``, only the safe part of a provider's."""
    return _message(exc, () if content else _providers(exc), content, whole)


def _message(exc: BaseException, providers: Iterable[BaseException], content: bool, whole: bool) -> str:
    if not content and _quotes(exc):
        return _safe_message(exc)
    text = _text(exc)
    if not content:
        text = _without_addresses(_without_repeated(text, providers))
    return well_formed(text if whole else cut(text, _MAX_MESSAGE))


def stacktrace(exc: BaseException, *, content: bool, whole: bool = False) -> str:
    """Return the stack trace of an exception and its causes, messages treated as by :func:`message`."""
    chain = _chain(exc)
    providers = () if content else _providers(exc)
    texts = [_message(link, providers, content, whole) for link in chain]
    blocks = [_block(chain[0], texts[0], content)]
    for (effect, cause), text in zip(pairwise(chain), texts[1:], strict=True):
        note = _CAUSED if effect.__cause__ is cause else _DURING
        blocks.append(_block(cause, text, content) + note)
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


def _block(exc: BaseException, text: str, content: bool) -> str:
    frames = _frames(exc.__traceback__, content)
    header = "Traceback (most recent call last):\n" if frames else ""
    return f"{header}{frames}{error_type(exc)}{f': {text}' if text else ''}\n"


def _frames(outermost: TracebackType | None, content: bool) -> str:
    """Return the frames of a traceback as text; of a deep one only those nearest to where it was raised.

    As ``traceback`` writes them, without the marks under parts of a line: finding those costs most of its time.
    Without ``content`` the lines of source code, which may hold prompts and keys, are left out.
    """
    depth, nearest, link = 0, outermost, outermost
    while link is not None:
        depth, link = depth + 1, link.tb_next
        if depth > _MAX_FRAMES and nearest is not None:
            nearest = nearest.tb_next
    lines = [f"  … {depth - _MAX_FRAMES} frames left out\n"] if depth > _MAX_FRAMES else []
    lines += [_line(frame, number, content) for frame, number in traceback.walk_tb(nearest)]
    return "".join(lines)


def _line(frame: FrameType, number: int, content: bool) -> str:
    code = frame.f_code
    place = f'  File "{code.co_filename}", line {number}, in {code.co_name}\n'
    source = linecache.getline(code.co_filename, number, frame.f_globals).strip() if content else ""
    return f"{place}    {source}\n" if source else place


def exception_attributes(
    exc: BaseException, *, content: bool, clear: Callable[[str, Any], Any] | None = None
) -> dict[str, Any]:
    """Return the three attributes of an ``exception`` event (an empty message is left out).

    ``clear`` redacts each of them, before it is shortened; what it makes no text of is left out.
    """
    whole = clear is not None
    described = {
        attr.EXCEPTION_TYPE: error_type(exc),
        attr.EXCEPTION_MESSAGE: message(exc, content=content, whole=whole),
        attr.EXCEPTION_STACKTRACE: stacktrace(exc, content=content, whole=whole),
    }
    if clear is not None:
        cleared = {key: clear(key, text) for key, text in described.items() if text}
        described = {
            key: cut(text, _LIMITS.get(key, _MAX_MESSAGE))
            for key, text in cleared.items()
            if isinstance(text, str)
        }
    return {key: text for key, text in described.items() if text}


_LIMITS: Final = {attr.EXCEPTION_STACKTRACE: _MAX_STACKTRACE}


def _quotes(exc: BaseException) -> bool:
    return any((base.__module__ or "").partition(".")[0] in _QUOTING for base in type(exc).__mro__)


def _text(exc: BaseException) -> str:
    try:
        return str(exc)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type(exc).__name__} whose message cannot be read>"


def _without_repeated(text: str, providers: Iterable[BaseException]) -> str:
    """Return a text without what it repeats of the providers' exceptions behind it.

    Where it repeats a part that is no longer to be told from the rest, only the safe message is left.
    """
    for exc in providers if text else ():
        safe = _safe_message(exc)
        for quoted in (repr(_text(exc)), _text(exc), getattr(exc, "message", None)):
            if isinstance(quoted, str) and quoted:
                text = text.replace(quoted, safe)
        if _shares_text(text.replace(safe, "\0") if safe else text, exc):
            return safe
    return text


_GROUP: Final[Any] = getattr(builtins, "BaseExceptionGroup", ())  # since Python 3.11


def _providers(exc: BaseException) -> list[BaseException]:
    """Return the exceptions behind ``exc``, itself included, whose messages quote; a suppressed context is one too."""
    seen: list[BaseException] = []
    waiting: list[Any] = [exc]
    while waiting and len(seen) < _MAX_CHAIN:
        link = waiting.pop()
        if isinstance(link, BaseException) and all(link is not known for known in seen):
            seen.append(link)
            waiting += getattr(link, "exceptions", ()) if isinstance(link, _GROUP) else ()
            waiting += (link.__context__, link.__cause__)
    return [link for link in seen if _quotes(link)]


def _shares_text(text: str, link: BaseException) -> bool:
    """Whether a text repeats a part of what a provider's exception holds: a whole value, or a dozen characters.

    One that is too long to be searched counts as if it did.
    """
    if len(text) > _MAX_STACKTRACE:
        return True
    holder = getattr(link, "body", None)
    names = (getattr(link, "code", None), getattr(link, "type", None))
    values = [value for value in _strings(holder) if value not in names]
    if any(len(value) >= _WORD and value in text for value in values):
        return True
    quoted = "\0".join((_text(link), *values))[:_MAX_STACKTRACE]
    parts = {quoted[at : at + _PART] for at in range(len(quoted) - _PART + 1)}
    return any(text[at : at + _PART] in parts for at in range(len(text) - _PART + 1))


_WORD: Final = 4
_PART: Final = 12


def _strings(holder: object, depth: int = 8) -> Iterator[str]:
    """Yield the strings in the JSON body of an error."""
    if isinstance(holder, str):
        yield holder
    elif depth and isinstance(holder, (Mapping, list)):
        for value in list(holder.values() if isinstance(holder, Mapping) else holder):
            yield from _strings(value, depth - 1)


def _without_addresses(text: str) -> str:
    """Return a message whose URLs have neither credentials nor a query, where keys are passed."""
    if "://" not in text and "?" not in text:
        return text
    return _QUERY.sub("?…", _USER_INFO.sub("", text))


def _safe_message(exc: BaseException) -> str:
    status = getattr(exc, "status_code", None)
    code = getattr(exc, "code", None)
    parts = [f"Error code: {status}"] if isinstance(status, int) else []
    if isinstance(code, str) and _CODE.fullmatch(code):
        parts.append(code)
    return " - ".join(parts)


def status_description(description: str, recorded: BaseException | None, policy: ContentPolicy) -> str | None:
    """Return a status description given by the user, redacted; without content, without a provider's words.

    Those of the exception that was recorded, else of the one that is being handled.
    """
    if not policy.span:
        exc = recorded if recorded is not None else sys.exc_info()[1]
        providers = () if exc is None else _providers(exc)
        description = _without_addresses(_without_repeated(description, providers))
    if policy.redact is None:
        return description or None
    cleared = policy.cleared(STATUS_DESCRIPTION, description)
    return cleared if isinstance(cleared, str) else None


STATUS_DESCRIPTION: Final = "status.description"
"""What a redactor gets as ``where`` for a status description."""
