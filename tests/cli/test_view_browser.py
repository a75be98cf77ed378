"""The page of ``genai-otel view --html`` in a real browser, by keyboard, at the widths of a desktop and a phone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genai_otel.cli import main
from genai_otel.conventions import attributes as attr
from tests.cli.browser import Page, find
from tests.cli.test_view_page import hostile
from tests.cli.view_files import document, otlp, span, write
from tests.exporters.scripted import Script, support_agent

DESKTOP, PHONE = (1280, 800), (390, 844)
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
FITS = "document.documentElement.scrollWidth <= innerWidth"
LONG = "w" * 3_000


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    program = find()
    if program is None:
        warnings.warn("NOT TESTED IN A BROWSER: there is no Chromium; set CHROMIUM to one", stacklevel=1)
        pytest.skip("NOT TESTED IN A BROWSER: there is no Chromium; set CHROMIUM to one")
    with Page(program) as opened:
        yield opened


def made(folder: Path, *documents: Any) -> Path:
    out = folder / "page.html"
    assert main(["view", write(folder / "traces.json", *documents), "--html", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three traces: the agent's, a short one, and one that is all long words."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": LONG}]}]
    wide = span(9, name=LONG, attributes={LONG: LONG, attr.INPUT_MESSAGES: json.dumps(messages)})
    agent = otlp(support_agent(Script()).spans())
    return made(tmp_path_factory.mktemp("traces"), agent, document(span(5)), document(wide, service=LONG))


@SIZES
def test_keys_lead_from_the_table_to_a_detail_and_back(
    page: Page, traces: Path, size: tuple[int, int]
) -> None:
    page.visit(traces, *size)
    page.press("ArrowDown", "ArrowDown", "ArrowDown")  # the newest is first, the agent last
    assert "POST /ask" in page.focused("innerText")
    page.press("Enter")
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    page.press("ArrowDown")
    assert page.focused("ariaLabel") == "AGENT, invoke_agent support, 3.40s"
    page.press("Enter")
    assert page.focused() == "detail"
    assert page.focused("innerText").count("Can I still return order 1234?") == 1
    page.press("Escape")
    assert page.focused("ariaLabel") == "AGENT, invoke_agent support, 3.40s"
    page.press("Escape")
    page.until("!document.getElementById('list').hidden")
    assert "POST /ask" in page.focused("innerText")
    assert page.complaints() == []


def test_arrows_fold_and_unfold_the_tree(page: Page, traces: Path) -> None:
    shown = "[...document.querySelectorAll('[role=treeitem]')].filter(row => row.offsetHeight).length"
    page.visit(traces)
    page.press("ArrowDown", "End", "Enter")
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    assert page.run(shown) == 8
    page.press("ArrowDown", "ArrowDown", "ArrowLeft")  # the retriever, folded
    assert page.focused("ariaExpanded") == "false"
    assert page.run(shown) == 6
    page.press("ArrowLeft", "ArrowLeft")  # to its parent, which folds
    assert (page.focused("ariaLabel"), page.run(shown)) == ("AGENT, invoke_agent support, 3.40s", 2)
    page.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    assert (page.focused("ariaLabel"), page.run(shown)) == (
        "EMBEDDING, embeddings text-embedding-3-small, 117ms",
        8,
    )


def test_the_focus_can_be_seen_everywhere(page: Page, traces: Path) -> None:
    page.visit(traces)
    for key in ("Tab",) * 9 + ("Enter", "Tab", "Escape", "ArrowDown", "Enter"):
        page.press(key)
        if key == "Enter":
            page.until("!document.getElementById('trace').hidden")
        assert page.focused("tagName") != "BODY"
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_filter_and_the_order_of_the_table_by_keyboard(page: Page, traces: Path) -> None:
    names = "[...document.querySelectorAll('tbody tr')].filter(row => !row.hidden).map(row => row.trace.name.slice(0, 9))"
    page.visit(traces)
    assert page.run(names) == [LONG[:9], "span 1 of", "POST /ask"]
    page.run("[...document.querySelectorAll('th button')].find(one => one.innerText === 'Duration').focus()")
    page.press("Enter")
    assert page.run(names)[0] == "POST /ask"
    assert page.run("document.activeElement.parentElement.ariaSort") == "descending"
    page.press("/", *"1234")
    assert page.run(names) == ["POST /ask"]
    assert page.run("document.getElementById('count').innerText") == "1 of 3 traces"
    page.press("Escape")
    assert len(page.run(names)) == 3


@SIZES
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    page: Page, traces: Path, size: tuple[int, int], scheme: str
) -> None:
    page.visit(traces, *size, scheme)
    assert page.run(FITS)
    page.press("ArrowDown", "Enter")  # the trace of long words
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    assert page.run(FITS)
    page.press("Enter")
    assert page.run(FITS)
    assert page.run("(one => one.scrollWidth <= one.clientWidth)(document.getElementById('detail'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Page, traces: Path, scheme: str) -> None:
    page.visit(traces, *DESKTOP, scheme)
    page.press("ArrowDown", "End", "Enter")
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    assert page.run(_LEAST_CONTRAST) >= 4.5


_LEAST_CONTRAST = """(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    const light = (color, ground) => {
        canvas.fillStyle = ground; canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
            .map(one => one / 255).map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = one => {
        for (; one; one = one.parentElement) {
            const color = getComputedStyle(one).backgroundColor;
            if (color !== "rgba(0, 0, 0, 0)") return color;
        }
    };
    const contrast = one => {
        const under = ground(one);
        const [a, b] = [light(getComputedStyle(one).color, under), light(under, under)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const written = [...document.querySelectorAll("body *")].filter(one => one.offsetHeight
        && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()));
    return Math.min(...written.map(contrast));
})()"""


def test_nothing_but_the_file_is_asked_for_and_nothing_is_logged(page: Page, traces: Path) -> None:
    page.visit(traces)
    page.press("ArrowDown", "End", "Enter")
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    page.press(*["ArrowDown"] * 7)
    assert page.requests() == [traces.as_uri()]
    assert page.complaints() == []


def test_hostile_values_are_shown_and_do_not_act(page: Page, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert main(["view", hostile(tmp_path), "--html", str(out)]) == 0
    page.visit(out)
    page.until(
        "document.activeElement.getAttribute('role') === 'treeitem'"
    )  # a single trace is opened at once
    page.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.run("document.getElementById('detail').innerText.includes('<img src=x onerror=')")
    assert page.run(
        "[window.hacked === undefined, document.querySelector('#detail img, #detail script')]"
    ) == [True, None]
    assert page.requests() == [out.as_uri()]
    assert page.complaints() == []


def test_a_long_text_is_shown_in_full_when_asked(page: Page, tmp_path: Path) -> None:
    text = "x" * 10_000 + " the end"
    page.visit(made(tmp_path, document(span(attributes={attr.TOOL_CALL_RESULT: text}))))
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    assert not page.run("document.getElementById('detail').innerText.includes('the end')")
    page.run(
        "[...document.querySelectorAll('#detail button')].find(one => one.innerText === 'Show all 10,008 characters').focus()"
    )
    page.press("Enter")
    assert page.run("document.getElementById('detail').innerText.includes('the end')")
    assert page.focused() == "detail"


def test_a_phones_panel_keeps_the_focus_and_its_button_closes_it(page: Page, traces: Path) -> None:
    page.visit(traces, *PHONE)
    page.press("ArrowDown", "End", "Enter")
    page.until("document.activeElement.getAttribute('role') === 'treeitem'")
    page.press("Enter", "Tab")
    assert page.focused("innerText") == "Close"
    assert page.run("document.querySelector('.left').inert")
    page.press("Enter")
    assert page.focused("role") == "treeitem"
    assert not page.run("document.querySelector('.left').inert")


def test_the_address_leads_to_a_span(page: Page, traces: Path) -> None:
    page.visit(traces)
    page.run(f"location.hash = '{5:032x}/{1:016x}'")
    page.until("document.activeElement.ariaLabel === 'SPAN, span 1 of 5, 1.0ms'")
    page.run("history.back()")
    page.until("!document.getElementById('list').hidden")
