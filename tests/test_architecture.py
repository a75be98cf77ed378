"""The picture in docs/architecture.md is what the import statements say, and its arrows point one way."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import architecture  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(str(ROOT / "scripts"))


def test_the_picture_in_the_documentation_is_that_of_the_source() -> None:
    assert architecture.picture() in (ROOT / "docs" / "architecture.md").read_text(), (
        "run scripts/architecture.py"
    )


def test_no_room_is_reached_from_below() -> None:
    assert architecture.cycles() == []


def test_the_conventions_import_nothing_of_ours() -> None:
    assert architecture.arrows()["conventions"] == set()


def test_only_the_front_door_and_those_who_stand_outside_it_use_the_instrumentation() -> None:
    users = {room for room, targets in architecture.arrows().items() if "instrumentation" in targets}
    assert users == {"front door", "cli", "compat"}


def test_every_module_is_in_a_room() -> None:
    rooms = set(architecture.arrows()) | {"ground"}
    packages = {path.name for path in architecture.PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == packages | {"front door", "manual spans", "configure", "settings", "ground"}
