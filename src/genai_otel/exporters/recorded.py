"""Reading back what a span recorded as JSON text."""

from __future__ import annotations

import json
from typing import Any


def recorded(value: Any) -> Any:
    """Return what JSON text stands for; None where it is none."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def recorded_list(value: Any) -> list[Any]:
    """Return the list that an attribute holds as JSON text, or none."""
    found = recorded(value)
    return list(found) if isinstance(found, (list, tuple)) else []


def recorded_object(value: Any) -> dict[str, Any] | None:
    """Return the object that an attribute holds as JSON text, or None."""
    found = recorded(value)
    return found if isinstance(found, dict) else None
