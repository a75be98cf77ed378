"""The real SDK against the bundled server, and all that leaves the process."""

from __future__ import annotations

from tests.instrumentation.openai.conftest import running_server, server

__all__ = ["running_server", "server"]
