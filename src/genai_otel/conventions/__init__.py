"""What the words of the telemetry mean: attribute, metric and event names, and the rules of each span type.

This package imports nothing of ours and is the only place where a ``gen_ai.`` string is written.
"""

from __future__ import annotations

from typing import Final

SCOPE_NAME: Final = "genai_otel"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
