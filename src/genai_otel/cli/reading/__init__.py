"""Spans out of files: the collector's, OpenTelemetry's own exporters', or anything else that holds OTLP JSON."""
