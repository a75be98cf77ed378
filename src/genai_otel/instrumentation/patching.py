"""Patching a library's functions, now or as soon as it is imported, and taking every patch back.

``wrapt`` does the wrapping and is loaded only when there is something to wrap.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from genai_otel._guard import report

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

Hook: TypeAlias = Callable[[ModuleType], None]


class Patches:
    """The patches of one instrumentation."""

    def __init__(self) -> None:
        self._applied: list[tuple[Any, str, Any, Any]] = []

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        """Wrap ``owner.name``, once; a name that this version of the library lacks is left out."""
        original = vars(owner).get(name)
        if original is None or any(known is owner and name == done for known, done, _, _ in self._applied):
            return
        import wrapt

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

    def __iter__(self) -> Iterator[str]:
        return iter(
            [f"{getattr(owner, '__qualname__', owner)}.{name}" for owner, name, _, _ in self._applied]
        )


def _restore(owner: Any, name: str, original: Any, ours: Any) -> None:
    outer = vars(owner).get(name)
    if outer is ours:
        setattr(owner, name, original)
        return
    while outer is not None:  # another wrapper on top: splice ours out of its chain
        inner = getattr(outer, "__wrapped__", None)
        if inner is ours:
            outer.__wrapped__ = original
            _refill(outer, ours, original)
            return
        outer = inner


def _refill(outer: Any, ours: Any, original: Any) -> None:
    """Swap what a plain closure calls: its ``__wrapped__`` is only for show."""
    cells = outer.__closure__ if isinstance(outer, FunctionType) else None
    for cell in cells or ():
        if cell.cell_contents is ours:
            cell.cell_contents = original


# Finder and loader without importlib's abstract classes, whose module takes longer to load than all of this.
class _Loader:
    """Runs a hook after the module's own loader; everything else is that loader's."""

    def __init__(self, loader: Any, arrived: Hook) -> None:
        self._loader = loader
        self._arrived = arrived

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._arrived(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Finder:
    """Waits for one module to be imported, then disappears."""

    def __init__(self, name: str, hook: Hook) -> None:
        self.name = name
        self.hook = hook
        self._searching = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name or getattr(self._searching, "active", False):
            return None
        self._searching.active = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.active = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._arrived)  # type: ignore[assignment]
        return spec

    def _arrived(self, module: ModuleType) -> None:
        if _remove(self):
            _run(self.hook, module)


def when_imported(name: str, hook: Hook) -> None:
    """Run ``hook(module)`` now if the module is loaded, else right after its import.

    Asking twice is asking once. A failing hook never fails the import.
    """
    module = _loaded(name)
    if module is not None:
        _run(hook, module)
    elif not _waiting(name, hook):
        sys.meta_path.insert(0, _Finder(name, hook))


def forget(name: str, hook: Hook) -> None:
    """Take back what :func:`when_imported` left waiting."""
    for finder in _waiting(name, hook):
        _remove(finder)


def _loaded(name: str) -> ModuleType | None:
    """Return the module once it is complete: another thread may be in the middle of importing it."""
    module = sys.modules.get(name)
    if module is not None and getattr(module.__spec__, "_initializing", False):
        module = importlib.import_module(name)
    return module


def _waiting(name: str, hook: Hook) -> list[_Finder]:
    finders = [finder for finder in sys.meta_path if isinstance(finder, _Finder)]
    return [finder for finder in finders if finder.name == name and finder.hook == hook]


def _remove(finder: _Finder) -> bool:
    try:
        sys.meta_path.remove(finder)
    except ValueError:
        return False
    return True


def _run(hook: Hook, module: ModuleType) -> None:
    try:
        hook(module)
    except Exception:
        report(f"patching {module.__name__}")
