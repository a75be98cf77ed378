"""An application that knows nothing of tracing.

    opentelemetry-instrument --traces_exporter otlp python zero_code.py

``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` say which API is called, ``OTEL_EXPORTER_OTLP_ENDPOINT`` where spans go.
"""

from __future__ import annotations

import openai

client = openai.OpenAI()
completion = client.chat.completions.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "Is the lock in stock?"}]
)
print(completion.choices[0].message.content)
