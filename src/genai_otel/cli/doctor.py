"""``genai-otel doctor``: what is installed, active and reachable, and what to do about it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from . import diagnosis
from .diagnosis import Finding

_MARKS = {"ok": "✓", "note": "·", "problem": "✗"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument("--endpoint", help="OTLP endpoint to check; else the one that the environment gives")
    parser.add_argument("--protocol", choices=("http/protobuf", "grpc"), help="OTLP protocol")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 0 when there is no problem, else 1."""
    findings = diagnosis.examine(arguments.endpoint, arguments.protocol)
    problems = [finding for finding in findings if finding.level == "problem"]
    print(json.dumps(_as_data(findings), indent=2) if arguments.json else _as_text(findings, problems))
    return 1 if problems else 0


def _as_data(findings: list[Finding]) -> dict[str, Any]:
    healthy = all(finding.level != "problem" for finding in findings)
    return {"healthy": healthy, "findings": [finding.as_data() for finding in findings]}


def _as_text(findings: list[Finding], problems: list[Finding]) -> str:
    lines, section = [], ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += ["", section]
        lines.append(f"  {_MARKS[finding.level]} {finding.text}")
    lines += ["", _conclusion(findings, problems)]
    return "\n".join(lines).lstrip("\n")


def _conclusion(findings: list[Finding], problems: list[Finding]) -> str:
    advice = next((finding.advice for finding in [*problems, *findings] if finding.advice), None)
    if problems:
        return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}. Do this first: {advice}"
    return f"Healthy. {advice}" if advice else "Healthy."
