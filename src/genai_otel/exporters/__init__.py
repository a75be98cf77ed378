"""Destinations that the OpenTelemetry SDK does not bring: the console tree and vendor routes."""
