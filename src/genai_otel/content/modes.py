"""The content modes: where content captured on the user's behalf goes."""

from __future__ import annotations

from typing import Final

# mode -> (content on spans, content on events)
CONTENT_MODES: Final[dict[str, tuple[bool, bool]]] = {
    "no_content": (False, False),
    "span_only": (True, False),
    "event_only": (False, True),
    "span_and_event": (True, True),
}
_SWITCHES: Final = {"true": "span_only", "false": "no_content", "1": "span_only", "0": "no_content"}


def content_mode(value: bool | str) -> tuple[bool, bool]:
    """Return (on spans, on events) for a ``capture_content=`` argument.

    Raises:
        ValueError: if it is neither a bool nor one of the content modes.
    """
    if isinstance(value, bool):
        return CONTENT_MODES["span_only" if value else "no_content"]
    name = value.strip().lower() if isinstance(value, str) else ""
    mode = CONTENT_MODES.get(_SWITCHES.get(name, name))
    if mode is None:
        allowed = ", ".join(["True", "False", *(repr(known) for known in CONTENT_MODES)])
        raise ValueError(f"capture_content={value!r} is not a content mode; allowed: {allowed}")
    return mode
