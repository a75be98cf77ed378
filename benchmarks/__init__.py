"""What instrumentation costs, measured side by side in one run: the hand-written floor, genai_otel, and the peers."""
