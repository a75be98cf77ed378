"""The page about existing set-ups shows what is tested here, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "existing-setups.md"
EXAMPLES = ROOT / "examples" / "existing_setups"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language."""
    return [code for kind, code in _BLOCK.findall(PAGE.read_text()) if kind == language]


def shell_lines() -> list[str]:
    """Return the commands on the page; `test_zero_code` runs them."""
    return [line for block in blocks("shell") for line in block.splitlines()]


def flat(code: str) -> str:
    """Return code without indentation and blank lines."""
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {kind for kind, _ in _BLOCK.findall(PAGE.read_text())} == {"python", "shell"}
    assert PAGE.read_text().count("```") == 2 * len(_BLOCK.findall(PAGE.read_text()))


@pytest.mark.parametrize("block", blocks("python"), ids=range(len(blocks("python"))))
def test_every_block_is_taken_from_an_example(block: str) -> None:
    sources = [flat(example.read_text()) + "\n" for example in EXAMPLES.glob("*.py")]
    assert any(flat(block) + "\n" in source for source in sources), block


def test_every_example_is_named_on_the_page() -> None:
    for example in EXAMPLES.glob("*.py"):
        assert f"({Path('..') / example.relative_to(ROOT)})" in PAGE.read_text(), example.name


def test_every_command_is_run() -> None:
    tests = (Path(__file__).parent / "test_zero_code.py").read_text()
    for line in shell_lines():
        assert f'"{line}"' in tests or line.startswith("pip install "), line
