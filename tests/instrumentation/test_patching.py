from __future__ import annotations

import functools
import importlib
import json
import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wrapt

from genai_otel import _guard
from genai_otel.instrumentation.patching import Patches, forget, when_imported


def python(code: str, *arguments: str, **environment: str) -> Any:
    """Run code in a fresh interpreter and return what it prints, as JSON; nothing may reach stderr."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**_environment(), **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def _environment() -> dict[str, str]:
    import os

    return {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENAI_OTEL_"))
    }


class Library:
    def method(self, value: int, *, twice: bool = False) -> int:
        """Return the value."""
        return value * (2 if twice else 1)


ORIGINAL = vars(Library)["method"]


def plus_one(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wrapped(*args, **kwargs) + 1


def times_ten(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wrapped(*args, **kwargs) * 10


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    Library.method = ORIGINAL  # type: ignore[method-assign]


# --- patches ------------------------------------------------------------------------------------------------
def test_a_wrapped_method_behaves_and_looks_like_the_original() -> None:
    import inspect

    before = inspect.signature(Library.method)
    Patches().wrap(Library, "method", plus_one)
    assert Library().method(3, twice=True) == 7
    assert inspect.signature(Library.method) == before
    assert Library.method.__doc__ == "Return the value."


def test_undo_leaves_the_identical_original() -> None:
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    assert list(patches) == ["Library.method"]
    patches.undo()
    assert vars(Library)["method"] is ORIGINAL
    assert len(patches) == 0
    patches.undo()


def test_wrapping_twice_is_wrapping_once() -> None:
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    patches.wrap(Library, "method", plus_one)
    assert Library().method(1) == 2
    patches.undo()
    assert vars(Library)["method"] is ORIGINAL


def test_a_name_that_this_version_of_the_library_lacks_is_left_out() -> None:
    patches = Patches()
    patches.wrap(Library, "no_such_method", plus_one)
    assert len(patches) == 0


def test_undo_beneath_another_wrapt_wrapper_keeps_the_other() -> None:
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    wrapt.wrap_function_wrapper(Library, "method", times_ten)
    assert Library().method(1) == 20
    patches.undo()
    assert Library().method(1) == 10
    assert vars(Library)["method"].__wrapped__ is ORIGINAL


def test_undo_beneath_a_plain_closure_keeps_the_closure() -> None:
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    ours = vars(Library)["method"]

    @functools.wraps(ours)
    def closure(self: Library, value: int) -> int:
        return ours(self, value) * 10  # type: ignore[no-any-return]

    Library.method = closure  # type: ignore[assignment, method-assign]
    inner = closure.__closure__
    assert Library().method(1) == 20
    patches.undo()
    assert Library().method(1) == 10
    assert inner is not None
    assert [cell.cell_contents for cell in inner] == [ORIGINAL]


def test_undo_above_another_wrapper_restores_the_other() -> None:
    wrapt.wrap_function_wrapper(Library, "method", times_ten)
    theirs = vars(Library)["method"]
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    assert Library().method(1) == 11
    patches.undo()
    assert vars(Library)["method"] is theirs


def test_undo_after_somebody_restored_the_original_changes_nothing() -> None:
    patches = Patches()
    patches.wrap(Library, "method", plus_one)
    Library.method = ORIGINAL  # type: ignore[method-assign]
    patches.undo()
    assert vars(Library)["method"] is ORIGINAL


# --- post-import hooks ----------------------------------------------------------------------------------------
@pytest.fixture
def module_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that can be imported and is not yet; its package too."""
    package = tmp_path / "waited_for"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("VALUE = 42\n")
    (package / "broken.py").write_text("raise OSError('not today')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    yield "waited_for.part"
    for name in [name for name in sys.modules if name.partition(".")[0] == "waited_for"]:
        del sys.modules[name]
    assert sys.meta_path == before, "a finder was left behind"


def test_a_hook_runs_right_after_the_import_and_once(module_name: str) -> None:
    seen: list[ModuleType] = []
    when_imported(module_name, seen.append)
    assert seen == []
    module = importlib.import_module(module_name)
    assert seen == [module]
    importlib.reload(module)
    assert seen == [module]


def test_a_hook_runs_at_once_when_the_module_is_loaded(module_name: str) -> None:
    module = importlib.import_module(module_name)
    seen: list[ModuleType] = []
    when_imported(module_name, seen.append)
    assert seen == [module]


def test_asking_twice_for_the_same_hook_runs_it_once(module_name: str) -> None:
    seen: list[ModuleType] = []

    def hook(module: ModuleType) -> None:
        seen.append(module)

    when_imported(module_name, hook)
    when_imported(module_name, hook)
    assert [importlib.import_module(module_name)] == seen


def test_two_hooks_for_one_module_both_run(module_name: str) -> None:
    first: list[ModuleType] = []
    second: list[ModuleType] = []
    when_imported(module_name, lambda module: first.append(module))
    when_imported(module_name, lambda module: second.append(module))
    module = importlib.import_module(module_name)
    assert first == second == [module]


def test_a_hook_and_one_of_wrapt_for_the_same_module_both_run(module_name: str) -> None:
    ours: list[ModuleType] = []
    theirs: list[ModuleType] = []
    before = list(sys.meta_path)
    wrapt.register_post_import_hook(theirs.append, module_name)
    when_imported(module_name, ours.append)
    module = importlib.import_module(module_name)
    assert ours == theirs == [module]
    sys.meta_path[:] = before  # wrapt's finder stays by design


def test_a_forgotten_hook_never_runs(module_name: str) -> None:
    seen: list[ModuleType] = []

    def hook(module: ModuleType) -> None:
        seen.append(module)

    when_imported(module_name, hook)
    forget(module_name, hook)
    importlib.import_module(module_name)
    assert seen == []


def test_a_hook_that_fails_never_fails_the_import(module_name: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "what the caller " + "passed"

    def hook(module: ModuleType) -> None:
        raise RuntimeError(secret)

    _guard.reset(raise_errors=False)
    try:
        when_imported(module_name, hook)
        with caplog.at_level(logging.DEBUG, "genai_otel"):
            assert importlib.import_module(module_name).VALUE == 42
    finally:
        _guard.reset(raise_errors=True)
    assert [record.levelname for record in caplog.records if record.levelno > logging.DEBUG] == ["WARNING"]
    assert secret not in caplog.text


def test_an_import_that_fails_fails_as_ever_and_the_hook_keeps_waiting(module_name: str) -> None:
    seen: list[ModuleType] = []

    def hook(module: ModuleType) -> None:
        seen.append(module)

    when_imported("waited_for.broken", hook)
    for _ in range(2):
        with pytest.raises(OSError, match="not today"):
            importlib.import_module("waited_for.broken")
    assert seen == []
    forget("waited_for.broken", hook)


def test_the_module_looks_as_if_nobody_had_waited_for_it(module_name: str) -> None:
    plain = importlib.import_module(module_name)
    expected = (type(plain.__loader__), type(plain.__spec__.loader), plain.__file__)  # type: ignore[union-attr]
    del sys.modules[module_name]
    when_imported(module_name, lambda module: None)
    module = importlib.import_module(module_name)
    assert (type(module.__loader__), type(module.__spec__.loader), module.__file__) == expected  # type: ignore[union-attr]
    import inspect

    assert inspect.getsource(module) == "VALUE = 42\n"


def test_a_module_that_cannot_be_found_is_still_not_found(module_name: str) -> None:
    def hook(module: ModuleType) -> None:
        raise AssertionError("never imported")

    when_imported("waited_for.absent", hook)
    assert importlib.util.find_spec("waited_for.absent") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("waited_for.absent")
    forget("waited_for.absent", hook)


def test_a_hook_for_a_module_that_another_thread_is_importing_waits_for_it(
    tmp_path: Path, module_name: str
) -> None:
    (tmp_path / "waited_for" / "slow.py").write_text(
        "import waited_for\nwaited_for.begun.set()\nwaited_for.go_on.wait(20)\nVALUE = 1\n"
    )
    package: Any = importlib.import_module("waited_for")
    package.begun, package.go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=importlib.import_module, args=("waited_for.slow",))
    thread.start()
    assert package.begun.wait(20)
    values: list[int] = []
    hooking = threading.Thread(
        target=when_imported, args=("waited_for.slow", lambda module: values.append(module.VALUE))
    )
    hooking.start()
    hooking.join(0.05)
    assert values == []
    package.go_on.set()
    thread.join(20)
    hooking.join(20)
    assert values == [1]


# --- the OpenAI SDK, in fresh interpreters --------------------------------------------------------------------
def test_autolog_before_the_import_loads_neither_the_sdk_nor_wrapt_nor_anything_that_records() -> None:
    loaded = python(
        """
        import json, sys
        import genai_otel
        genai_otel.autolog()
        heavy = ("openai", "wrapt", "httpx", "httpx2", "pydantic", "opentelemetry", "rich", "orjson", "asyncio")
        print(json.dumps([name for name in heavy if name in sys.modules]))
        """
    )
    assert loaded == []


@pytest.mark.parametrize("order", ["before", "after"])
def test_autolog_patches_what_every_request_passes_and_disable_restores_the_very_originals(
    order: str,
) -> None:
    found = python(
        """
        import importlib, json, sys
        order = sys.argv[1]
        def load():
            import openai.resources.chat.completions
            for name in ("openai.resources.realtime.realtime", "openai.resources.responses.responses"):
                try:
                    importlib.import_module(name)
                except ModuleNotFoundError:
                    pass  # an older SDK

        def members():
            return {
                (owner, name): value
                for module in [m for n, m in list(sys.modules.items()) if n.partition(".")[0] == "openai"]
                for owner in list(vars(module).values()) if issubclass(type(owner), type)
                for name, value in list(vars(owner).items())
                if not name.startswith("__pydantic")  # those it completes when it likes
            }

        def ours(found):
            return sorted({f"{owner.__name__}.{name}" for (owner, name), value in found.items()
                if hasattr(value, "_self_wrapper")
                or str(getattr(value, "__module__", "")).startswith("genai_otel")})

        import genai_otel
        if order == "before":
            genai_otel.autolog("openai")
            load()
        else:
            load()
            untouched = members()
            genai_otel.autolog("openai")
        from genai_otel.instrumentation.openai import patched
        names, during = patched(), members()
        if order == "before":
            untouched = {k: getattr(v, "__wrapped__", v) if hasattr(v, "_self_wrapper") else v for k, v in during.items()}
        genai_otel.autolog(disable=True)
        after = members()
        print(json.dumps({
            "patched": names[:2] if order == "before" else [n for n in names if n.endswith("APIClient.request")],
            "ours": ours(during) == sorted(names),
            "changed": [f"{o.__name__}.{n}" for (o, n), v in untouched.items() if after[o, n] is not v],
            "left": ours(after),
            "finders": [type(f).__name__ for f in sys.meta_path if type(f).__module__.startswith("genai_otel")],
            "global client": type(sys.modules["openai"]._client).__name__,
        }))
        """,
        order,
    )
    assert found == {
        "patched": ["SyncAPIClient.request", "AsyncAPIClient.request"],
        "ours": True,
        "changed": [],
        "left": [],
        "finders": [],
        "global client": "NoneType",
    }


def test_autolog_twice_patches_once_and_disable_before_the_import_leaves_nothing() -> None:
    found = python(
        """
        import json, sys
        before = list(sys.meta_path)
        import genai_otel
        genai_otel.autolog()
        waiting = list(sys.meta_path)
        genai_otel.autolog()
        twice = sys.meta_path == waiting != before
        genai_otel.autolog(disable=True)
        clean = sys.meta_path == before
        import openai._base_client as base
        bare = type(vars(base.SyncAPIClient)["request"]).__name__
        genai_otel.autolog(); genai_otel.autolog()
        once = not hasattr(vars(base.SyncAPIClient)["request"].__wrapped__, "__wrapped__")
        print(json.dumps([twice, clean, bare, once]))
        """
    )
    assert found == [True, True, "function", True]


def test_autolog_without_the_sdk_installed_is_no_error() -> None:
    found = python(
        """
        import json, sys
        sys.modules["openai"] = None  # what an import system says of a package that is not there
        import genai_otel
        genai_otel.autolog()
        genai_otel.autolog("openai")
        try:
            import openai
        except ImportError as exc:
            print(json.dumps(type(exc).__name__))
        """
    )
    assert found == "ModuleNotFoundError"


def test_a_failure_while_patching_never_fails_the_import_of_the_sdk() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import genai_otel
                from genai_otel.instrumentation import patching
                def broken(*args): raise RuntimeError("our bug")
                patching.Patches.wrap = broken
                genai_otel.autolog()
                import openai
                print(openai.OpenAI.__name__)
                """
            ),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env=_environment(),
    )
    assert (done.returncode, done.stdout) == (0, "OpenAI\n")
    assert done.stderr.count("\n") == 1
    assert "internal error in patching" in done.stderr


def test_an_sdk_imported_anew_is_patched_by_the_next_autolog() -> None:
    found = python(
        """
        import json, sys
        import genai_otel
        genai_otel.autolog()
        import openai
        for name in [name for name in sys.modules if name.partition(".")[0] == "openai"]:
            del sys.modules[name]
        import openai
        bare = type(vars(openai._base_client.SyncAPIClient)["request"]).__name__
        genai_otel.autolog()
        again = type(vars(openai._base_client.SyncAPIClient)["request"]).__name__
        genai_otel.autolog(disable=True)
        print(json.dumps([bare, again, type(vars(openai._base_client.SyncAPIClient)["request"]).__name__]))
        """
    )
    assert found == ["function", "FunctionWrapper", "function"]
