"""What the library never does: run code from data, start programs, or touch network, files or environment unasked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.configured import run

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "genai_otel"
# module -> the only places (files or folders) that may import it
MODULES = {
    "_posixsubprocess": (),
    "_winapi": (),
    "code": (),
    "codeop": (),
    "cloudpickle": (),
    "ctypes": (),
    "dill": (),
    "marshal": ("content/encode.py",),  # only its dumps, as a test of types; see below
    "pickle": (),
    "pty": (),
    "runpy": (),
    "shelve": (),
    "subprocess": (),
    "yaml": (),
    # who may speak to the network, besides OpenTelemetry's exporters
    "http.client": (),
    "http.server": ("testing/server",),
    "httpx": (),
    "requests": ("exporters",),
    "socket": ("cli", "testing/server"),
    "socketserver": ("testing/server",),
    "urllib.request": ("cli",),
}
CALLS = {
    "eval": (),
    "exec": (),
    "compile": (),
    "__import__": (),
    "breakpoint": (),
    "input": (),
    "open": ("cli",),
    "marshal.load": (),
    "marshal.loads": (),
    "os.system": (),
    "os.popen": (),
    "os.fork": (),
    "os.putenv": (),
    "os.unsetenv": (),
    "os.remove": (),
    "os.unlink": (),
    "os.rename": (),
    "os.makedirs": (),
    "os.environ.setdefault": (),
    "os.environ.update": (),
    "os.environ.pop": (),
    "os.environ.clear": (),
}
PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn", "tempfile.")
# methods, whatever the object: files are written by the command line alone
METHODS = {
    "write_text": ("cli",),
    "write_bytes": ("cli",),
    "unlink": (),
    "mkdir": ("cli",),
    "rmdir": (),
    "touch": (),
}


def faults(source: str, where: str) -> Iterator[str]:
    """Yield what is wrong with a module's source."""
    for node in ast.walk(ast.parse(source)):
        for what in _forbidden(node, where):
            yield f"{where}:{getattr(node, 'lineno', 0)}: {what}"


def _forbidden(node: ast.AST, where: str) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for module in _imported(node):
            if not _allowed(MODULES, module, where):
                yield f"import {module}"
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name.startswith(PREFIXES) or not _allowed(CALLS, name, where):
            yield f"{name}()"
        elif isinstance(node.func, ast.Attribute) and not _allowed(METHODS, node.func.attr, where):
            yield f"{name}()"
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        if ast.unparse(node.value) in ("os.environ", "environ"):
            yield "the environment is written"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        names = [] if node.level or node.module is None else [node.module]
        names += [f"{name}.{alias.name}" for name in names for alias in node.names]
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[: index + 1]) for index in range(len(parts)))


def _allowed(table: dict[str, tuple[str, ...]], name: str, where: str) -> bool:
    return name not in table or any(where == place or where.startswith(f"{place}/") for place in table[name])


def test_no_code_is_run_from_data_no_program_is_started_and_nothing_is_written() -> None:
    found = [
        fault
        for path in sorted(PACKAGE.rglob("*.py"))
        for fault in faults(path.read_text("utf-8"), path.relative_to(PACKAGE).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "def f():\n    exec(text)",
        "import pickle",
        "from pickle import loads",
        "import os.path, subprocess as s",
        "from urllib import request",
        "import marshal",
        "os.system('ls')",
        "os.execv('ls', [])",
        "os.environ['A'] = 'b'",
        "del os.environ['A']",
        "os.environ.setdefault('A', 'b')",
        "open('file')",
        "path.write_text('')",
        "tempfile.mkdtemp()",
    ],
)
def test_the_look_at_the_source_sees(source: str) -> None:
    assert list(faults(source, "exporters/anything.py" if "urllib" not in source else "_spans.py"))


def test_marshal_only_writes() -> None:
    """The encoder asks ``marshal.dumps`` whether a value is made of built-in types; what it says is thrown away."""
    source = (PACKAGE / "content" / "encode.py").read_text("utf-8")
    used = {node.attr for node in ast.walk(ast.parse(source)) if _is_of(node, "marshal")}
    assert used == {"dumps"}


def _is_of(node: ast.AST, module: str) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module


# --- at run time -------------------------------------------------------------------------------------------------
# Python's own audit events: what reaches the network, files, other programs or the environment, whoever does it.
WATCHED = """
import os, sys

seen = []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SUSPECT = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.putenv",
    "os.unsetenv", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link", "os.symlink",
    "shutil.", "tempfile.", "pickle.", "ftplib.", "smtplib.", "urllib.", "http.client", "webbrowser.",
)
BEFORE = dict(os.environ)

def hook(event, arguments):
    if event == "open":
        if arguments[2] & WRITING and arguments[0] != os.devnull:
            seen.append((event, str(arguments[0])))
    elif event.startswith(SUSPECT):
        seen.append((event, repr(arguments[1:])[:200]))

def report():
    for event in dict.fromkeys(seen):
        print(*event)
    if dict(os.environ) != BEFORE:
        print("the environment has changed")
    sys.stdout.flush()
    os._exit(0)
"""
IMPORT_ALL = """
import importlib, pkgutil
import genai_otel
for module in pkgutil.walk_packages(genai_otel.__path__, "genai_otel."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def watched(script: str, *, before: str = "") -> list[str]:
    """Run ``script`` and return the events seen, one text each; what ``before`` imports is not watched."""
    done = run(
        f"{WATCHED}\nsys.dont_write_bytecode = True\n{before}\nsys.addaudithook(hook)\n{script}\nreport()\n"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_importing_every_module_touches_nothing() -> None:
    assert watched(IMPORT_ALL) == []


@pytest.mark.parametrize(
    "arguments",
    ["exporter='none'", "exporter='console'", "", "endpoint='http://collector.invalid:4318'"],
    ids=["none", "console", "nothing named", "otlp"],
)
def test_configuring_touches_nothing(arguments: str) -> None:
    """An exporter looks its server up when it has something to send, not before."""
    script = f"import genai_otel\ngenai_otel.configure('svc', {arguments})\ngenai_otel.autolog()"
    # that package of OpenTelemetry's exporter opens and closes a local socket to see whether there is IPv6
    assert watched(script, before="import urllib3" if "endpoint" in arguments else "") == []


@pytest.mark.parametrize(
    ("script", "event"),
    [
        ("import socket; socket.getaddrinfo('localhost', 80)", "socket.getaddrinfo"),
        ("import socket; socket.socket()", "socket.__new__"),
        ("import subprocess; subprocess.run([sys.executable, '-V'])", "subprocess.Popen"),
        ("os.environ['A'] = 'b'", "the environment has changed"),
        ("import tempfile; tempfile.mkdtemp()", "os.mkdir"),
        ("import pickle; pickle.loads(pickle.dumps(print))", "pickle.find_class"),
    ],
)
def test_the_look_at_the_process_sees(script: str, event: str) -> None:
    assert any(line.startswith(event) for line in watched(script))
