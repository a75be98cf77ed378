"""Patching a library's functions, now or as soon as it is imported, and taking every patch back.

``wrapt`` does the wrapping and is loaded only when there is something to wrap.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .._guard import report

_lock = threading.RLock()


class Patches:
    """The patches of one instrumentation."""

    def __init__(self) -> None:
        self._applied: list[tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Wrap ``owner.name``; a name that the owner lacks (another version of the library) is left out."""
        import wrapt

        original = vars(owner).get(name)
        if original is None:
            return
        wrapt.wrap_function_wrapper(owner, name, wrapper)
        self._applied.append((owner, name, original, vars(owner)[name]))

    def undo(self) -> None:
        """Restore what was wrapped; where somebody wrapped it again since, take ours out from beneath."""
        while self._applied:
            owner, name, original, ours = self._applied.pop()
            try:
                _restore(owner, name, original, ours)
            except Exception:
                report("patching.undo")

    def __len__(self) -> int:
        return len(self._applied)

    def __iter__(self) -> Any:
        return iter([f"{getattr(owner, '__qualname__', owner)}.{name}" for owner, name, _, _ in self._applied])


def _restore(owner: Any, name: str, original: Any, ours: Any) -> None:
    present = vars(owner).get(name)
    if present is ours:
        setattr(owner, name, original)
        return
    outer = present
    while outer is not None:  # another wrapper on top: splice ours out of its chain
        inner = getattr(outer, "__wrapped__", None)
        if inner is ours:
            try:
                outer.__wrapped__ = original
            except AttributeError:
                return  # a plain closure holds ours; it is silent once disabled
            return
        outer = inner


class _Loader(importlib.abc.Loader):
    """Runs a hook after the module's own loader; everything else is that loader's."""

    def __init__(self, loader: Any, hook: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _run(self._hook, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for one module to be imported, then disappears."""

    def __init__(self, name: str, hook: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._hook = hook
        self._searching = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name or getattr(self._searching, "active", False):
            return None
        self._searching.active = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.active = False
        if spec is None or spec.loader is None:
            return None
        spec.loader = _Loader(spec.loader, self._arrived)
        return spec

    def _arrived(self, module: ModuleType) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self._hook(module)


def when_imported(name: str, hook: Callable[[ModuleType], None]) -> Callable[[], None]:
    """Run ``hook(module)`` now if the module is loaded, else right after its import; return what cancels it.

    A failing hook never fails the import.
    """

    module = sys.modules.get(name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        _run(hook, module)
        return lambda: None
    finder = _Finder(name, hook)
    with _lock:
        sys.meta_path.insert(0, finder)

    def cancel() -> None:
        with _lock:
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)

    return cancel


def _run(hook: Callable[[ModuleType], None], module: ModuleType) -> None:
    try:
        hook(module)
    except Exception:
        report(f"patching {module.__name__}")
