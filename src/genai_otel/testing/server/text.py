"""Deterministic language: how the test server counts tokens, cuts text and finds something to say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import cycle, islice, pairwise
from typing import Any

from genai_otel.testing.server.behaviour import Behaviour

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]+|\s+")
_WORD = re.compile(r"\w[\w'’-]*")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}$|-\d{4}$")
_PART_TOKENS = {"image_url": 85, "input_image": 85, "input_audio": 50, "file": 20, "input_file": 20}

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about an and are as at be been but by can could did do does for from give has have how i if in is
        it its me my not of on or our please should so tell than that the their them then there these they
        this to use was we were what when where which who why will with would you your""",
    )
)


def tokens(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again."""
    return _TOKEN.findall(text)


def count(value: Any) -> int:
    """Tokens in text, in a list of content parts, or in any JSON value."""
    if isinstance(value, str):
        return len(tokens(value))
    if isinstance(value, list):
        return sum(map(_count_part, value))
    return 0 if value is None else count(json.dumps(value))


def _count_part(part: Any) -> int:
    if not isinstance(part, dict):
        return 1 if isinstance(part, int) else count(part)
    if "text" in part:
        return count(part["text"])
    return _PART_TOKENS.get(str(part.get("type")), 0) or count(json.dumps(part))


def plain(content: Any) -> str:
    """The text in a message's content: a string, or its text parts joined."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    return content if isinstance(content, str) else ""


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, each once."""
    return list(dict.fromkeys(word for word in words(text) if word.lower() not in STOP_WORDS))


def response_model(model: str) -> str:
    """The dated name that the API reports for an alias."""
    return model if _DATED.search(model) else f"{model}-2024-07-18"


def pieces(text: str, behaviour: Behaviour) -> list[str]:
    """The text as it is streamed: token by token, or in ``chunks`` pieces."""
    cut = tokens(text)
    wanted = behaviour.chunks
    if not wanted or len(cut) < wanted:
        return cut
    bounds = [len(cut) * position // wanted for position in range(wanted + 1)]
    return ["".join(cut[start:end]) for start, end in pairwise(bounds)]


def say(behaviour: Behaviour, question: str, context: str, results: Iterable[tuple[str, str]] = ()) -> str:
    """The answer's text: what the behaviour asks for, else something drawn from the conversation.

    Tool results (name, text) come first, then the sentence of ``context`` nearest to the question.
    """
    if behaviour.text is not None:
        text = behaviour.text
    elif behaviour.echo:
        text = question
    else:
        text = _from_results(results) or _from_context(question, context) or _about(question)
    return _lengthened(text, behaviour.chunks)


def _from_results(results: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"According to {name}: {text.strip().rstrip('.')}." for name, text in results)


def _from_context(question: str, context: str) -> str:
    asked = {word.lower() for word in content_words(_focus(question))}
    best, best_shared = "", 1
    for sentence in _sentences(context):
        shared = len(asked & {word.lower() for word in content_words(sentence)})
        if shared > best_shared and not sentence.endswith("?"):
            best, best_shared = sentence, shared
    return best


def _about(question: str) -> str:
    topic = ", ".join(content_words(_focus(question))[:3]) or "your request"
    return f"Here is a short answer about {topic}."


def _focus(question: str) -> str:
    found = _sentences(question)
    return next(
        (sentence for sentence in reversed(found) if sentence.endswith("?")), found[-1] if found else ""
    )


def _sentences(text: str) -> list[str]:
    return [sentence for raw in _SENTENCE.findall(text) if (sentence := raw.strip(" \t-*•>"))]


def _lengthened(text: str, wanted: int | None) -> str:
    if not wanted or len(tokens(text)) >= wanted:
        return text
    return " ".join(islice(cycle(text.split() or ["word"]), wanted))


def truncated(text: str, limit: Any, stop: Any) -> tuple[str, str]:
    """The text cut at the first stop sequence and at ``limit`` tokens, with the finish reason."""
    for sequence in [stop] if isinstance(stop, str) else stop or ():
        text = text.split(sequence, 1)[0]
    cut = tokens(text)
    if isinstance(limit, int) and len(cut) > limit:
        return "".join(cut[:limit]), "length"
    return text, "stop"
