"""The one record of an operation: started, filled, finished; it owns the span, the metrics and the event."""
