from __future__ import annotations

import pytest

from genai_otel import _guard
from genai_otel.exporters import variables
from tests.configured import warnings_of


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _guard.reset()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", None),
        ("none", ()),
        ("NONE", ()),
        ("otlp", ("otlp",)),
        ("otlp,otlp", ("otlp",)),
        ("console, otlp", ("console", "otlp")),
        ("otlp,unheard-of", ("otlp",)),
        ("unheard-of", None),
        ("otlp_proto_http", ("otlp_proto_http",)),
        (",", None),
    ],
)
def test_the_exporters_that_a_variable_names(
    monkeypatch: pytest.MonkeyPatch, text: str, names: tuple[str, ...] | None
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", text)
    assert variables.exporter_names("traces") == names


def test_an_exporter_of_another_package_is_known_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "console")
    assert variables.exporter_names("metrics") == ("console",)


@pytest.mark.parametrize(
    ("text", "disabled"), [("true", True), (" TRUE ", True), ("false", False), ("1", False), ("", False)]
)
def test_only_true_disables_the_sdk(monkeypatch: pytest.MonkeyPatch, text: str, disabled: bool) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", text)
    assert variables.sdk_disabled() is disabled


@pytest.mark.parametrize(
    ("text", "result"),
    [("", 7.0), ("2.5", 2.5), ("0", 7.0), ("-1", 7.0), ("x", 7.0), ("inf", 7.0), ("nan", 7.0)],
)
def test_a_number_is_positive_or_the_default(
    monkeypatch: pytest.MonkeyPatch, text: str, result: float
) -> None:
    monkeypatch.setenv("A_NUMBER", text)
    assert variables.number(("A_NUMBER",), 7.0) == result


def test_the_first_variable_that_is_set_is_the_one_named_in_the_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SHARED", "bad")
    monkeypatch.setenv("OWN", "")
    assert variables.choice(("OWN", "SHARED"), ("a", "b"), "a") == "a"
    assert "SHARED='bad'" in warnings_of(caplog)[0]
    assert "a or b" in warnings_of(caplog)[0]
