"""The pytest plug-in (entry point ``pytest11``): the ``genai_spans`` fixture."""

from __future__ import annotations
