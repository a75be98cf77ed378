"""The options of ``mlflow.openai.autolog()``; loaded by it, with the instrumentation."""

from __future__ import annotations

from genai_otel._settings import Settings
from genai_otel.instrumentation.openai.state import Active

from ._recording import with_content


class Options(Active):
    """Options that decide about content at each call, so that a later ``configure()`` still counts."""

    def settings(self) -> Settings:
        """Return the settings in force, with content unless the content mode was chosen explicitly."""
        return with_content(super().settings())
