from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider

import genai_otel
from genai_otel import _configure, _settings
from genai_otel.exporters import registry, variables
from genai_otel.exporters.console import ConsoleTree
from tests.configured import Exporter, fresh_process, run, span, warnings_of


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with fresh_process():
        yield


@pytest.fixture
def existing() -> TracerProvider:
    """A provider that the application has installed."""
    provider = TracerProvider(resource=Resource({"service.name": "app"}), shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    return provider


def exporters_in_use() -> list[str]:
    return [one["exporter"] for one in _configure.describe()["exporters"]]


# --- no provider yet


def test_without_a_provider_one_is_built_and_made_global() -> None:
    exporter = Exporter()
    genai_otel.configure("svc", exporter=exporter)
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    assert provider.resource.attributes["service.name"] == "svc"
    trace.get_tracer("anyone").start_span("theirs").end()
    span("ours")
    assert genai_otel.flush()
    assert sorted(exporter.names) == ["ours", "theirs"]


def test_tracers_handed_out_before_are_connected() -> None:
    tracer, exporter = trace.get_tracer("early"), Exporter()
    genai_otel.configure(exporter=exporter)
    tracer.start_span("early").end()
    genai_otel.flush()
    assert exporter.names == ["early"]


def test_spans_go_through_a_batch_processor() -> None:
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    span("a")
    assert exporter.names == []
    genai_otel.flush()
    assert exporter.names == ["a"]


def test_with_no_exporter_named_anywhere_traces_are_shown_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    genai_otel.configure()
    span("first run")
    genai_otel.flush()
    captured = capsys.readouterr()
    assert "first run" in captured.err
    assert captured.out == ""
    assert metrics.get_meter_provider().__class__.__name__ == "_ProxyMeterProvider"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "console"}, ["console"]),
        ({"OTEL_TRACES_EXPORTER": " otlp , console "}, ["otlp", "console"]),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ["console"]),
        (
            {"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
            ["console"],
        ),
    ],
)
def test_the_environment_names_the_exporter(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    genai_otel.configure()
    assert exporters_in_use() == expected


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    genai_otel.configure(exporter="console")
    assert exporters_in_use() == ["console"]


def test_an_unknown_exporter_in_the_environment_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "carrier-pigeon")
    genai_otel.configure()
    genai_otel.configure()
    assert exporters_in_use() == ["console"]
    (warning,) = warnings_of(caplog)
    assert "OTEL_TRACES_EXPORTER='carrier-pigeon'" in warning


def test_exporter_none_builds_a_provider_that_records_and_sends_nothing() -> None:
    genai_otel.configure(exporter="none")
    assert exporters_in_use() == []
    with genai_otel.start_span(name="a") as made:
        assert made.is_recording()


def test_the_console_exporter_of_the_environment_is_the_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    genai_otel.configure()
    (route,) = _configure._state.routes()
    assert isinstance(route.processor, ConsoleTree)  # type: ignore[attr-defined]


def test_several_exporters_each_get_every_span_once() -> None:
    first, second = Exporter(), Exporter()
    genai_otel.configure(exporter=[first, second, first])
    span("a")
    genai_otel.flush()
    assert first.names == second.names == ["a"]


def test_the_sampler_given_decides() -> None:
    exporter = Exporter()
    genai_otel.configure(exporter=exporter, sampler=ALWAYS_OFF)
    span("a")
    genai_otel.flush()
    assert exporter.names == []


def test_the_sampler_of_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    span("a")
    genai_otel.flush()
    assert exporter.names == []


def test_the_resource_is_arguments_over_environment_over_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-variable")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,zone=from-variable,rack=7")
    genai_otel.configure(resource_attributes={"zone": "given", "ports": [1, 2]}, exporter="none")
    attributes = _configure.describe()["resource"]
    assert attributes["service.name"] == "from-variable"
    assert (attributes["zone"], attributes["rack"], attributes["ports"]) == ("given", "7", (1, 2))
    assert attributes["telemetry.sdk.language"] == "python"


def test_the_service_name_wins_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-variable")
    genai_otel.configure("given", resource_attributes={"service.name": "attribute"}, exporter="none")
    assert _configure.describe()["service_name"] == "given"


@pytest.mark.parametrize(
    "variable",
    ["OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_METRICS_EXEMPLAR_FILTER"],
)
def test_a_bad_value_for_a_provider_in_the_environment_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    monkeypatch.setenv(variable, "many")
    exporter = Exporter()
    genai_otel.configure(exporter=[exporter, "otlp"], endpoint="http://127.0.0.1:9")
    span("a")
    genai_otel.flush(500)
    assert exporter.names == ["a"]
    assert _configure.describe()["metrics"] is not None
    assert _configure.describe()["logs"] != []
    assert len([warning for warning in warnings_of(caplog) if "many" in warning]) == 1


@pytest.mark.parametrize("variable", ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_SCHEDULE_DELAY"])
def test_a_bad_batch_size_in_the_environment_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    monkeypatch.setenv(variable, "0")
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    span("a")
    genai_otel.flush()
    assert exporter.names == ["a"]
    assert len(warnings_of(caplog)) == 1


# --- a provider that the application installed


def test_an_existing_provider_is_kept_and_gets_no_exporter_unasked(
    existing: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    processors = existing._active_span_processor._span_processors
    genai_otel.configure(capture_content=True)
    assert trace.get_tracer_provider() is existing
    assert existing._active_span_processor._span_processors == processors
    assert _configure.describe()["provider"] == "existing"
    assert metrics.get_meter_provider().__class__.__name__ == "_ProxyMeterProvider"
    assert _settings.current().content.span


def test_an_exporter_named_is_added_to_an_existing_provider(existing: TracerProvider) -> None:
    theirs, ours = Exporter(), Exporter()
    existing.add_span_processor(SimpleSpanProcessor(theirs))
    genai_otel.configure(exporter=ours)
    span("a")
    genai_otel.flush()
    assert theirs.names == ours.names == ["a"]


def test_reconfiguring_an_existing_provider_exchanges_only_what_is_ours(existing: TracerProvider) -> None:
    theirs, first, second = Exporter(), Exporter(), Exporter()
    existing.add_span_processor(SimpleSpanProcessor(theirs))
    genai_otel.configure(exporter=first)
    span("a")
    genai_otel.configure(exporter=second)
    span("b")
    genai_otel.flush()
    assert (first.names, second.names, theirs.names) == (["a"], ["b"], ["a", "b"])
    assert (first.shutdowns, theirs.shutdowns) == (1, 0)
    assert len(existing._active_span_processor._span_processors) == 2


def test_a_call_that_names_no_exporter_keeps_the_one_added_before(existing: TracerProvider) -> None:
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    genai_otel.configure(capture_content=True)
    span("a")
    genai_otel.flush()
    assert (exporter.names, exporter.shutdowns) == (["a"], 0)


def test_an_existing_provider_is_flushed_but_never_shut_down(existing: TracerProvider) -> None:
    theirs, ours = Exporter(), Exporter()
    existing.add_span_processor(BatchSpanProcessor(theirs))
    genai_otel.configure(exporter=ours)
    span("a")
    assert genai_otel.flush()
    assert theirs.names == ["a"]
    genai_otel.shutdown()
    assert (theirs.shutdowns, ours.shutdowns) == (0, 1)
    span("b")
    existing.force_flush()
    assert (theirs.names, ours.names) == (["a", "b"], ["a"])
    existing.shutdown()


def test_an_existing_provider_is_flushed_without_configure(existing: TracerProvider) -> None:
    theirs = Exporter()
    existing.add_span_processor(BatchSpanProcessor(theirs))
    span("a")
    assert genai_otel.flush()
    assert theirs.names == ["a"]
    existing.shutdown()


def test_existing_meter_and_logger_providers_are_flushed_and_kept() -> None:
    flushed: list[str] = []

    class Metrics(MeterProvider):
        def force_flush(self, timeout_millis: float = 0) -> bool:
            flushed.append("metrics")
            return True

    class Logs(LoggerProvider):
        def force_flush(self, timeout_millis: int = 0) -> bool:
            flushed.append("logs")
            return True

    meter_provider, logger_provider = Metrics(shutdown_on_exit=False), Logs(shutdown_on_exit=False)
    metrics.set_meter_provider(meter_provider)
    _logs.set_logger_provider(logger_provider)
    genai_otel.configure(endpoint="http://127.0.0.1:9")
    assert metrics.get_meter_provider() is meter_provider
    assert _logs.get_logger_provider() is logger_provider
    assert _configure.describe()["metrics"] is None
    genai_otel.flush(100)
    assert sorted(flushed) == ["logs", "metrics"]


def test_the_owner_of_an_existing_provider_shuts_our_exporter_down_with_it(existing: TracerProvider) -> None:
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    span("a")
    existing.shutdown()
    assert (exporter.names, exporter.shutdowns) == (["a"], 1)


def test_a_resource_or_sampler_for_an_existing_provider_costs_one_warning(
    existing: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        genai_otel.configure("svc", sampler=ALWAYS_OFF)
    assert existing.resource.attributes["service.name"] == "app"
    assert existing.sampler is not ALWAYS_OFF
    (warning,) = warnings_of(caplog)
    assert "service_name, sampler" in warning


class OtherTracerProvider(trace.TracerProvider):
    """A provider that isn't the SDK's and takes no processors."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return NoOpTracerProvider().get_tracer("other")


def test_a_provider_that_takes_no_processors_is_kept_with_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = OtherTracerProvider()
    trace.set_tracer_provider(provider)
    for _ in range(2):
        genai_otel.configure(exporter=Exporter())
    assert trace.get_tracer_provider() is provider
    (warning,) = warnings_of(caplog)
    assert "OtherTracerProvider takes no span processors" in warning
    assert genai_otel.flush()


def test_a_provider_that_takes_no_processors_needs_no_warning_when_nothing_is_to_be_added(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trace.set_tracer_provider(OtherTracerProvider())
    genai_otel.configure(capture_content=True)
    assert warnings_of(caplog) == []


def test_an_exporter_that_an_existing_provider_has_already_is_not_added_again(
    existing: TracerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = Exporter()
    existing.add_span_processor(SimpleSpanProcessor(exporter))
    genai_otel.configure(exporter=exporter)
    span("a")
    genai_otel.flush()
    assert exporter.names == ["a"]
    assert len(warnings_of(caplog)) == 1


def test_an_otlp_endpoint_that_an_existing_provider_exports_to_already_is_not_added_again(
    existing: TracerProvider,
) -> None:
    processor = BatchSpanProcessor(OTLPSpanExporter("http://127.0.0.1:9/v1/traces"))
    existing.add_span_processor(processor)
    genai_otel.configure(endpoint="http://127.0.0.1:9")
    assert exporters_in_use() == []
    genai_otel.configure(endpoint="http://127.0.0.1:10")
    assert exporters_in_use() == ["otlp"]
    processor.shutdown()


# --- providers passed


def test_a_provider_passed_is_used_and_the_globals_are_left_alone() -> None:
    exporter = Exporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    genai_otel.configure(tracer_provider=provider)
    span("a")
    assert exporter.names == ["a"]
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    assert _configure.describe()["provider"] == "explicit"


def test_a_provider_passed_gets_an_exporter_only_when_the_call_names_one() -> None:
    exporter = Exporter()
    provider = TracerProvider(shutdown_on_exit=False)
    genai_otel.configure(tracer_provider=provider)
    assert provider._active_span_processor._span_processors == ()
    genai_otel.configure(exporter=exporter)
    span("a")
    genai_otel.flush()
    assert exporter.names == ["a"]
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def test_no_metrics_or_logs_are_exported_beside_a_tracer_provider_passed() -> None:
    genai_otel.configure(
        tracer_provider=TracerProvider(shutdown_on_exit=False), endpoint="http://127.0.0.1:9"
    )
    assert metrics.get_meter_provider().__class__.__name__ == "_ProxyMeterProvider"
    assert type(_logs.get_logger_provider()).__name__ == "ProxyLoggerProvider"


def test_meter_and_logger_providers_passed_are_used_in_place_of_ones_of_ours() -> None:
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    genai_otel.configure(
        endpoint="http://127.0.0.1:9", meter_provider=meter_provider, logger_provider=logger_provider
    )
    with genai_otel.start_span(name="a", span_type="LLM", model="m") as made:
        made.set_usage(1, 2)
    assert reader.get_metrics_data() is not None
    assert _settings.current().providers.logger_provider is logger_provider
    assert metrics.get_meter_provider().__class__.__name__ == "_ProxyMeterProvider"
    assert type(_logs.get_logger_provider()).__name__ == "ProxyLoggerProvider"


def test_a_provider_passed_later_leaves_the_global_pipeline_as_it_is() -> None:
    first, second = Exporter(), Exporter()
    genai_otel.configure(exporter=first)
    genai_otel.configure(tracer_provider=TracerProvider(shutdown_on_exit=False), exporter=second)
    span("ours")
    trace.get_tracer("anyone").start_span("theirs").end()
    genai_otel.flush()
    assert (first.names, second.names, first.shutdowns) == (["theirs"], ["ours"], 0)
    genai_otel.shutdown()
    assert (first.shutdowns, second.shutdowns) == (1, 1)


# --- calling again


def test_the_arguments_given_win_and_the_others_stay() -> None:
    exporter = Exporter()
    genai_otel.configure("one", exporter=exporter, capture_content=True, max_content_length=100)
    genai_otel.configure("two", capture_content="event_only")
    content = _settings.current().content
    assert (content.span, content.event, content.max_length) == (False, True, 100)
    span("a")
    genai_otel.flush()
    (ended,) = exporter.get_finished_spans()
    assert ended.resource.attributes["service.name"] == "two"


def test_the_same_call_again_changes_nothing() -> None:
    exporter = Exporter()
    for _ in range(3):
        genai_otel.configure("svc", exporter=exporter)
        span("a")
    genai_otel.flush()
    assert (exporter.names, exporter.shutdowns) == (["a"] * 3, 0)


def test_another_exporter_replaces_the_one_before_after_flushing_it() -> None:
    first, second = Exporter(), Exporter()
    genai_otel.configure(exporter=first)
    span("a")
    genai_otel.configure(exporter=second)
    assert (first.names, first.shutdowns) == (["a"], 1)
    span("b")
    genai_otel.flush()
    assert (first.names, second.names) == (["a"], ["b"])


def test_an_exporter_named_again_among_others_is_kept() -> None:
    first, second = Exporter(), Exporter()
    genai_otel.configure(exporter=first)
    span("a")
    genai_otel.configure(exporter=[second, first])
    span("b")
    genai_otel.flush()
    assert (first.names, second.names, first.shutdowns) == (["a", "b"], ["b"], 0)


def test_an_endpoint_alone_means_otlp() -> None:
    genai_otel.configure(endpoint="http://127.0.0.1:9/base")
    (exporter,) = _configure.describe()["exporters"]
    assert exporter == {
        "exporter": "otlp",
        "endpoint": "http://127.0.0.1:9/base/v1/traces",
        "protocol": "http/protobuf",
    }


def test_an_endpoint_given_later_means_otlp_in_place_of_the_console() -> None:
    genai_otel.configure()
    assert exporters_in_use() == ["console"]
    genai_otel.configure(endpoint="http://127.0.0.1:9")
    assert exporters_in_use() == ["otlp"]


def test_an_endpoint_given_later_keeps_the_exporters_beside_otlp() -> None:
    genai_otel.configure(exporter=["otlp", "console"])
    genai_otel.configure(endpoint="http://127.0.0.1:9")
    first, second = _configure.describe()["exporters"]
    assert first["endpoint"] == "http://127.0.0.1:9/v1/traces"
    assert second["exporter"] == "console"


def test_the_environment_is_read_anew_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    genai_otel.configure()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    genai_otel.configure()
    assert exporters_in_use() == []
    assert _settings.current().content.span


def test_a_sampler_and_a_resource_given_later_apply_to_tracers_in_use() -> None:
    exporter = Exporter()
    genai_otel.configure(exporter=exporter, sampler=ALWAYS_OFF)
    tracer = trace.get_tracer("anyone")
    tracer.start_span("a").end()
    genai_otel.configure(sampler=ALWAYS_ON, resource_attributes={"zone": "b"})
    span("ours")
    trace.get_tracer("anyone").start_span("b").end()
    genai_otel.flush()
    assert sorted(exporter.names) == ["b", "ours"]
    assert {ended.resource.attributes["zone"] for ended in exporter.get_finished_spans()} == {"b"}


def test_arguments_that_no_exporter_in_use_reads_cost_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    genai_otel.configure(exporter="none", endpoint="http://127.0.0.1:9", tracking_uri="http://mlflow")
    (warning,) = warnings_of(caplog)
    assert "endpoint, tracking_uri" in warning


def test_configure_from_many_threads_adds_each_exporter_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    exporter = Exporter()
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(genai_otel.configure, exporter=exporter) for _ in range(16)]:
            future.result()
    span("a")
    genai_otel.flush()
    assert exporter.names == ["a"]


# --- exporters by name


def test_an_exporter_whose_module_is_absent_raises_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry.BUILDERS, "phoenix", ("absent", "build"))
    given = Exporter()
    with pytest.raises(ValueError, match="exporter='phoenix' is not part of this installation"):
        genai_otel.configure(exporter=[given, "phoenix"])
    assert given.shutdowns == 0
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    assert _configure._state.arguments.given() == {}


def test_an_exporter_that_lacks_a_package_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.BUILDERS, "phoenix", ("fake", "build"))

    def absent(request: Any) -> None:
        raise AssertionError

    module = types.ModuleType("genai_otel.exporters.fake")
    module.__getattr__ = lambda name: __import__("no_such_package")  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(
        ValueError, match=r"needs the module 'no_such_package': pip install 'genai-otel\[phoenix\]'"
    ):
        genai_otel.configure(exporter="phoenix")


class Recorder(SpanProcessor):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self.seen.append(("start", span.name))

    def on_end(self, span: Any) -> None:
        self.seen.append(("end", span.name))

    def shutdown(self) -> None:
        self.seen.append(("shutdown", ""))


@pytest.fixture
def built_with(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], Recorder]:
    """Makes exporter="mlflow" a processor of this test; returns the requests that it was built with."""
    requests: list[Any] = []
    processor = Recorder()
    module = types.ModuleType("genai_otel.exporters.fake")
    module.build = lambda request: requests.append(request) or processor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.BUILDERS, "mlflow", ("fake", "build"))
    return requests, processor


def test_a_builder_sees_the_arguments_and_may_return_a_processor(
    built_with: tuple[list[Any], Recorder],
) -> None:
    requests, processor = built_with
    genai_otel.configure(
        exporter="mlflow", tracking_uri="http://mlflow:5000", experiment="e", headers={"a": "b"}
    )
    genai_otel.configure(capture_content=True)
    (request,) = requests
    assert (request.tracking_uri, request.experiment, dict(request.headers)) == (
        "http://mlflow:5000",
        "e",
        {"a": "b"},
    )
    span("a")
    genai_otel.shutdown()
    assert processor.seen == [("start", "a"), ("end", "a"), ("shutdown", "")]


def test_other_arguments_build_it_anew(built_with: tuple[list[Any], Recorder]) -> None:
    requests, processor = built_with
    genai_otel.configure(exporter="mlflow", experiment="one")
    genai_otel.configure(experiment="two")
    assert [request.experiment for request in requests] == ["one", "two"]
    assert ("shutdown", "") in processor.seen


def test_no_metrics_go_to_an_exporter_that_takes_spans_only(built_with: tuple[list[Any], Recorder]) -> None:
    genai_otel.configure(exporter="mlflow")
    assert metrics.get_meter_provider().__class__.__name__ == "_ProxyMeterProvider"


# --- what is in use


def test_describe_before_anything_is_configured() -> None:
    said = _configure.describe()
    assert (said["provider"], said["exporters"], said["metrics"], said["logs"]) == ("none", [], None, [])


def test_describe_names_provider_exporters_and_resource_without_credentials() -> None:
    genai_otel.configure("svc", endpoint="http://me:secret@127.0.0.1:9/?key=secret", headers={"k": "secret"})
    said = _configure.describe()
    assert said["provider"] == "ours"
    assert said["service_name"] == said["resource"]["service.name"] == "svc"
    assert said["metrics"]["endpoint"] == "http://127.0.0.1:9/v1/metrics"
    assert said["logs"][0]["endpoint"] == "http://127.0.0.1:9/v1/logs"
    assert "AlwaysOn" in said["sampler"]
    assert "secret" not in repr(said)
    assert "secret" not in repr(_configure._state)


def test_describe_shows_the_exporters_of_an_existing_provider(existing: TracerProvider) -> None:
    existing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter("http://127.0.0.1:9/v1/traces")))
    (other,) = _configure.describe()["other_exporters"]
    assert other["endpoint"] == "http://127.0.0.1:9/v1/traces"
    assert other["type"].endswith("OTLPSpanExporter")


# --- exporters that other packages register


def test_the_environment_may_name_an_exporter_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp_proto_http")
    genai_otel.configure()
    (exporter,) = _configure.describe()["exporters"]
    assert exporter["exporter"] == "otlp_proto_http"
    assert exporter["endpoint"] == "http://localhost:4318/v1/traces"


def test_metrics_and_logs_may_go_to_the_sdks_console_exporters() -> None:
    done = run(
        "import genai_otel\n"
        "genai_otel.configure(exporter='none')\n"
        "with genai_otel.start_span(name='a', span_type='LLM', model='m', provider='p') as span: pass\n"
        "genai_otel.log_evaluation('quality', value=1.0, span=span)\n",
        OTEL_METRICS_EXPORTER="console",
        OTEL_LOGS_EXPORTER="console",
    )
    assert "gen_ai.client.operation.duration" in done.stdout, done.stderr
    assert "gen_ai.evaluation.result" in done.stdout


def test_an_exporter_that_can_not_be_loaded_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class EntryPoint:
        def load(self) -> Any:
            raise ImportError("broken")

    monkeypatch.setattr(variables, "registered", lambda signal, name: EntryPoint())
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "broken")
    for _ in range(2):
        genai_otel.configure()
    assert exporters_in_use() == []
    (warning,) = warnings_of(caplog)
    assert "OTEL_TRACES_EXPORTER=broken" in warning


def test_a_provider_of_ours_that_is_passed_keeps_its_exporter() -> None:
    genai_otel.configure()
    genai_otel.configure(tracer_provider=trace.get_tracer_provider())
    assert exporters_in_use() == ["console"]


def test_providers_passed_once_are_not_kept_forever() -> None:
    for _ in range(5):
        provider = TracerProvider(shutdown_on_exit=False)
        genai_otel.configure(tracer_provider=provider, exporter=Exporter())
        provider.shutdown()
    assert len(_configure._state.spans) == 1


def test_metrics_go_to_the_endpoint_also_where_spans_go_there_already(existing: TracerProvider) -> None:
    processor = BatchSpanProcessor(OTLPSpanExporter("http://127.0.0.1:9/v1/traces"))
    existing.add_span_processor(processor)
    genai_otel.configure(endpoint="http://127.0.0.1:9")
    assert _configure.describe()["metrics"]["endpoint"] == "http://127.0.0.1:9/v1/metrics"
    assert _configure.describe()["resource"]["service.name"] == "app"
    processor.shutdown()
