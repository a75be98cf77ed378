"""``python -m genai_otel.testing.server``."""

from __future__ import annotations

import sys

from genai_otel.testing.server import main

sys.exit(main())
