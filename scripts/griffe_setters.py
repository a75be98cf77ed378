"""A griffe extension for the API reference: setters of ``Span`` as they are called, not as they are written."""

from __future__ import annotations

from typing import Any

import griffe


class Setters(griffe.Extension):
    """Take the operation, which the decorator passes, out of the signature; a setter returns the span."""

    def on_function(self, *, func: griffe.Function, **more: Any) -> None:
        if any(str(decorator.value) == "_setter" for decorator in func.decorators):
            del func.parameters["op"]
            func.returns = "Self"
