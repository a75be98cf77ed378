"""``genai-otel view``: the traces in a file, as trees in the terminal or as one self-contained page."""

from __future__ import annotations

import argparse
import os
import string
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..exporters import terminal
from ..exporters.figures import plural
from ..exporters.header import Remarks
from ..exporters.layout import layout
from ..exporters.paint import ASCII, UNICODE, ansi, plain
from ..exporters.tree import Trace
from .reading.collection import Collection
from .reading.lines import STDIN, named
from .reading.problems import NothingFoundError, UnreadableError

_LIMIT: Final = 100
_EPILOG: Final = (
    "Exit code: 0 something was shown, 1 there was nothing to show, 2 wrong usage or an unreadable file."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "file",
        nargs="+",
        metavar="FILE",
        help="OTLP JSON (the collector's file exporter) or the output of OpenTelemetry's console exporter,"
        " plain or .gz; - for standard input",
    )
    parser.add_argument("--html", metavar="OUT", help="write one self-contained page to this file instead")
    parser.add_argument(
        "--trace",
        metavar="ID",
        action="append",
        default=[],
        type=_trace_id,
        help="only this trace, by its id or the beginning of it; may be given more than once",
    )
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_count,
        default=_LIMIT,
        help="only the N traces that started last, 0 for all (default %(default)s)",
    )


def _trace_id(text: str) -> str:
    digits = text.strip().lower().removeprefix("0x").replace("-", "")
    if not 0 < len(digits) <= 32 or not set(digits) <= set(string.hexdigits):
        raise argparse.ArgumentTypeError(f"{text!r} is no trace id: up to 32 hexadecimal digits are expected")
    return digits


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of traces: 0 (all) or more is expected")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Show what the files hold."""
    collection = Collection(arguments.trace, arguments.limit)
    try:
        collection.read(arguments.file)
        traces = collection.traces()
        if arguments.html is None:
            _print(collection, traces)
        else:
            _write(collection, traces, arguments.file, arguments.html)
    except NothingFoundError as exc:
        return _say(f"{', '.join(arguments.file)}: {exc}", *collection.notes, code=1)
    except UnreadableError as exc:
        return _say(str(exc), code=2)
    return _say(*collection.notes, *_left_out(len(traces), collection.all_traces), code=0)


def _say(*texts: str, code: int) -> int:
    sys.stdout.flush()
    for text in texts:
        print(f"genai-otel view: {text}", file=sys.stderr)
    return code


def _left_out(shown: int, known: int) -> list[str]:
    return [f"the newest {shown:,} of {known:,} traces; --limit 0 shows all"] if shown < known else []


def _print(collection: Collection, traces: Sequence[Trace]) -> None:
    glyphs = UNICODE if terminal.can_show(sys.stdout, UNICODE.all) else ASCII
    paint = ansi if terminal.wants_color(sys.stdout) else plain
    encoding, between = sys.stdout.encoding or "utf-8", ""
    for trace in traces:
        remarks = Remarks(notes=_notes(collection, trace))
        text = between + paint(layout(trace, glyphs, terminal.columns(sys.stdout), remarks))
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding, "replace"))
        between = "\n"


def _notes(collection: Collection, trace: Trace) -> list[str]:
    count = collection.orphans(trace)
    return [f"the parents of {plural(count, 'span')} are missing: shown beside the root"] if count else []


def _write(collection: Collection, traces: Sequence[Trace], files: list[str], out: str) -> None:
    from .page import page

    names = [Path(file).name if file != STDIN else named(file) for file in files]
    if out == STDIN:
        sys.stdout.buffer.write(page(collection, traces, names))
        return
    if any(_same(file, out) for file in files):
        raise UnreadableError(f"--html {out} would overwrite the file to read")
    try:
        Path(out).write_bytes(page(collection, traces, names))
    except OSError as exc:
        raise UnreadableError(f"{out} can't be written: {exc.strerror or exc}") from exc
    spans = sum(1 for trace in traces for _ in trace.walk())
    print(f"{out}: {plural(len(traces), 'trace')}, {plural(spans, 'span')}")


def _same(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
