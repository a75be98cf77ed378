"""The ``genai-otel`` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from .._version import __version__

# command -> (module with ``add_arguments(parser)`` and ``run(arguments) -> exit code``, one-line help)
_COMMANDS: Final = {
    "demo": ("demo", "run a small RAG + tool + streaming pipeline and show its trace"),
    "doctor": ("doctor", "say what is installed, active and reachable, and what to do about it"),
    "view": ("view", "show the traces in a file: OTLP JSON or the console exporter's output"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="genai-otel", description="OpenTelemetry tracing for LLM applications."
    )
    parser.add_argument("--version", action="version", version=f"genai-otel {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        importlib.import_module(f".{module}", __name__).add_arguments(command)
        command.set_defaults(module=module)
    arguments = parser.parse_args(argv)
    try:
        return int(importlib.import_module(f".{arguments.module}", __name__).run(arguments))
    except BrokenPipeError:  # the reader of a pipe went away
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
