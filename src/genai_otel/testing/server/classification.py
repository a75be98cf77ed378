"""Moderations and decisions: judgements that depend on the words of the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genai_otel.testing.server import text, usage
from genai_otel.testing.server.exchange import JSON, Answer, Call, json_reply
from genai_otel.testing.server.resources import Route

_SIGNS: dict[str, frozenset[str]] = {
    "harassment": frozenset({"idiot", "stupid", "loser"}),
    "harassment/threatening": frozenset(),
    "hate": frozenset({"hate"}),
    "hate/threatening": frozenset(),
    "illicit": frozenset({"steal", "shoplift", "counterfeit"}),
    "illicit/violent": frozenset({"bomb"}),
    "self-harm": frozenset(),
    "self-harm/intent": frozenset(),
    "self-harm/instructions": frozenset(),
    "sexual": frozenset(),
    "sexual/minors": frozenset(),
    "violence": frozenset({"kill", "attack", "stab", "shoot", "bomb"}),
    "violence/graphic": frozenset(),
}


def moderate(call: Call) -> Answer:
    """POST /moderations: flagged where a text has one of a few telling words."""
    given = call.require("input")
    texts = [given] if isinstance(given, str) or _is_parts(given) else given
    model = call.body.get("model") or "omni-moderation-latest"
    results = [_judgement(text.plain(each)) for each in texts]
    return json_reply({"id": call.state.next_id("modr-"), "model": model, "results": results})


def _is_parts(given: Any) -> bool:
    return isinstance(given, list) and isinstance(given[0], dict)


def _judgement(said: str) -> JSON:
    words = {word.lower() for word in text.words(said)}
    found = {category: bool(words & signs) for category, signs in _SIGNS.items()}
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {category: 0.98 if hit else 0.001 for category, hit in found.items()},
        "category_applied_input_types": {category: ["text"] for category in found},
    }


def decide(call: Call) -> Answer:
    """POST /decisions: each question is answered from the words it shares with the input."""
    model, questions = call.model(), call.require("questions")
    given = call.require("input")
    said = given if isinstance(given, str) else "\n".join(text.plain(item.get("content")) for item in given)
    answers = [_decision(call, question, said) for question in questions]
    reply: JSON = {"answers": answers, "model": call.behaviour.model or text.response_model(model)}
    if not call.behaviour.nousage:
        prompt = text.count(said) + sum(map(text.count, questions))
        reply["usage"] = usage.response_usage(call.behaviour, prompt, 2 * len(answers), 0)
    return json_reply(reply)


def _decision(call: Call, question: JSON, said: str) -> JSON:
    kind = "refusal" if call.behaviour.refusal is not None else question.get("type", "predicate")
    return {"type": kind, "name": question.get("name"), **_DECISIONS[kind](question, said)}


def _predicate(question: JSON, said: str) -> JSON:
    return {"probability": 0.9 if _shared(text.plain(question.get("instructions")), said) else 0.1}


def _choice(question: JSON, said: str) -> JSON:
    values = [option["value"] for option in question["choices"]]
    chosen = max(values, key=lambda value: _shared(str(value), said))
    rest = 0.1 / max(1, len(values) - 1)
    spread = [{"value": value, "probability": 0.9 if value is chosen else rest} for value in values]
    return {"choice": chosen, "confidence": 0.9, "probabilities": spread}


def _score(question: JSON, said: str) -> JSON:
    labels = [level["label"] for level in question["levels"]]
    best = max(range(len(labels)), key=lambda place: _shared(labels[place], said))
    rest = 0.1 / max(1, len(labels) - 1)
    spread = [
        {"label": label, "value": place, "probability": 0.9 if place == best else rest}
        for place, label in enumerate(labels)
    ]
    return {"score": float(best), "confidence": 0.9, "probabilities": spread}


def _shared(one: str, other: str) -> int:
    return len(
        {word.lower() for word in text.content_words(one)} & {word.lower() for word in text.words(other)}
    )


_DECISIONS: dict[str, Callable[[JSON, str], JSON]] = {
    "predicate": _predicate,
    "choice": _choice,
    "score": _score,
    "refusal": lambda question, said: {},
}

ROUTES: tuple[Route, ...] = (("POST", "/moderations", moderate), ("POST", "/decisions", decide))
