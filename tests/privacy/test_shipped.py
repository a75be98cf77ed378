"""What the package itself never does: run text as code, write the environment, or talk to anybody unasked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import genai_otel
from tests.configured import run

ROOT = Path(genai_otel.__file__).parent
_CALLS = {"eval", "exec", "compile", "__import__"}
_MODULES = {"pickle", "cPickle", "dill", "shelve", "subprocess", "pty", "ctypes", "webbrowser", "telnetlib"}
_WRITES = {"putenv", "unsetenv", "system", "popen"}
_ATTRIBUTES = {"os.environ.update", "os.environ.setdefault", "os.environ.pop", "marshal.loads"}
_ENDS = {name.rpartition(".")[2] for name in _ATTRIBUTES}


def problems(source: str) -> Iterator[str]:
    """Yield what a module does that it must not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield f"{node.lineno}: calls {node.func.id}"
        if isinstance(node, ast.Import):
            yield from (f"{node.lineno}: imports {one.name}" for one in node.names if one.name in _MODULES)
        if isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            yield f"{node.lineno}: imports {node.module}"
        if isinstance(node, ast.Attribute) and node.attr in _WRITES and ast.unparse(node.value) == "os":
            yield f"{node.lineno}: os.{node.attr}"
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
            if ast.unparse(node.value) == "os.environ":
                yield f"{node.lineno}: writes the environment"
        if isinstance(node, ast.Attribute) and node.attr in _ENDS and ast.unparse(node) in _ATTRIBUTES:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_no_module_does() -> None:
    found = {str(path): list(problems(path.read_text())) for path in ROOT.rglob("*.py")}
    assert len(found) > 100
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_the_search_finds_what_it_looks_for() -> None:
    wrong = [
        "eval('1')",
        "import pickle",
        "from pickle import loads",
        "os.environ['A'] = 'b'",
        "os.putenv('A', 'b')",
    ]
    assert all(list(problems(line)) for line in wrong)


_SILENT = """
import os, socket
before = dict(os.environ)
class Refused(socket.socket):
    def connect(self, address):
        raise AssertionError(f"connects to {address}")
    connect_ex = connect
socket.socket = Refused
def refused(*arguments):
    raise AssertionError(f"looks up {arguments}")
socket.getaddrinfo = refused
import genai_otel
genai_otel.configure("unit", exporter=["otlp", "mlflow", "phoenix", "console"])
genai_otel.autolog()
assert dict(os.environ) == before, "writes the environment"
os._exit(0)
"""


def test_import_configure_and_autolog_talk_to_nobody() -> None:
    made = run(_SILENT)
    assert made.returncode == 0, made.stderr
