"""Which tests the installed SDK has the parts for."""

from __future__ import annotations

import openai
import pytest

VERSION = tuple(int(part) for part in openai.__version__.split(".")[:2])


def since(*version: int) -> pytest.MarkDecorator:
    """Skip where the SDK is older than what the test calls."""
    wanted = ".".join(map(str, version))
    return pytest.mark.skipif(version > VERSION, reason=f"needs openai {wanted}, not {openai.__version__}")
