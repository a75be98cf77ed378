"""Runs the Python blocks of pages: each page in a process of its own, forked from one that has imported everything.

Reads a job from standard input, ``{"folder": ..., "receiver": port, "pages": {page: [[line, code, mark], ...]}}``,
and prints what happened, ``{page: {"code": exit code, "output": text, "logged": [warnings]}}``. The receiver stands
for the backends on this machine that pages name.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import logging
import os
import pkgutil
import socket
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any, Final

import pytest

import genai_otel

ROOT: Final = Path(__file__).parent.parent
AT_ONCE: Final = 2
SECONDS: Final = 60
_LOCAL: Final = ("127.0.0.1", "localhost", "::1", "")
_BACKENDS: Final = (4318, 6006)
_IMPORTED: Final = ("openai", "opentelemetry.exporter.otlp.proto.http.trace_exporter", "rich.console")
_NOT_IMPORTED: Final = ("cli", "compat", "server")

Blocks = list[tuple[int, str, str | None]]


def stay_local(event: str, details: tuple[Any, ...]) -> None:
    """Refuse every connection that leaves this machine."""
    host: Any = None
    if event == "socket.connect" and isinstance(details[1], tuple):
        host = details[1][0]
    elif event == "socket.getaddrinfo":
        host = details[0]
    if isinstance(host, (str, bytes)) and (host if isinstance(host, str) else host.decode()) not in _LOCAL:
        raise PermissionError(f"a page must not use the network: {host}")


class Redirected(socket.socket):
    """A socket that finds the receiver where pages expect a backend."""

    receiver = 0

    def connect(self, address: Any) -> None:
        if isinstance(address, tuple) and address[1] in _BACKENDS and address[0] in _LOCAL:
            address = ("127.0.0.1", self.receiver)
        super().connect(address)


def import_all() -> None:
    """Import what pages use, once for all of them."""
    ours = (module.name for module in pkgutil.walk_packages(genai_otel.__path__, "genai_otel."))
    for name in (*_IMPORTED, *ours):
        if not any(part in _NOT_IMPORTED for part in name.split(".")):
            importlib.import_module(name)


class Kept(logging.Handler):
    """Writes what is logged as a warning or worse to a file."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.WARNING)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(f"{record.name}: {record.getMessage()}") + "\n")


def run(page: str, blocks: Blocks, folder: Path) -> None:
    """Run the blocks of one page, one after the other, in one namespace."""
    logging.getLogger().addHandler(Kept(folder / "logged"))
    logging.getLogger().addHandler(logging.StreamHandler())
    sys.addaudithook(stay_local)
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    file = str(ROOT / page)
    for line, code, mark in blocks:
        if mark == "pytest":
            _run_tests(code, line, folder)
        else:
            exec(compile("\n" * (line - 1) + code, file, "exec"), module.__dict__)


def _run_tests(code: str, line: int, folder: Path) -> None:
    file = folder / f"test_line_{line}.py"
    file.write_text(code, encoding="utf-8")
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", f"--rootdir={folder}"]
    if pytest.main([*arguments, "-o", "asyncio_mode=auto", str(file)]) != 0:
        raise AssertionError("the tests of the page failed")


def begin(page: str, blocks: Blocks, folder: Path) -> int:
    """Start a page's process; returns its id. In that process it does not return before all is run."""
    pid = os.fork()
    if pid:
        return pid
    out = os.open(folder / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(folder)
    try:
        run(page, blocks, folder)
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
    sys.exit(0)  # exit handlers run, as at the end of any program


def main() -> None:
    job = json.load(sys.stdin)
    import_all()
    Redirected.receiver = job["receiver"]
    socket.socket = Redirected  # type: ignore[misc]
    gc.freeze()  # what is shared with the children stays so
    waiting = list(job["pages"].items())
    running: dict[int, tuple[str, Path, float]] = {}
    outcome: dict[str, Any] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            page, blocks = waiting.pop(0)
            folder = Path(job["folder"]) / page.replace("/", "_")
            folder.mkdir()
            running[begin(page, blocks, folder)] = (page, folder, time.monotonic() + SECONDS)
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended:
            page, folder, _ = running.pop(ended)
            outcome[page] = _outcome(os.waitstatus_to_exitcode(status), folder)
            continue
        for pid, (_, _, until) in running.items():
            if time.monotonic() > until:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
        time.sleep(0.01)
    print(json.dumps(outcome))


def _outcome(code: int, folder: Path) -> dict[str, Any]:
    logged = folder / "logged"
    lines = logged.read_text(encoding="utf-8").splitlines() if logged.exists() else []
    output = (folder / "output").read_text(encoding="utf-8", errors="replace")
    return {"code": code, "output": output, "logged": [json.loads(line) for line in lines]}


if __name__ == "__main__":
    main()
