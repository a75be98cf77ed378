"""What MLflow offers and this module does not, and what to use instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn

_BACKEND: Final = "traces live in the backend they were exported to: read them there"
_RUNS: Final = "experiment tracking is not tracing: use the mlflow package beside this module"
_WHOLE: Final = "make its spans with start_span_no_context(start_time_ns=...) and end(end_time_ns=...)"
_TARGET: Final = (
    "one exporter serves the process: genai_otel.configure(exporter=..., endpoint=..., experiment=...)"
)
_RESULT: Final = "use log_feedback(), or genai_otel.log_evaluation(name, value=..., label=..., span=...)"
_RUN: Final = "spans are not linked to runs: update_current_trace(metadata={...}) can hold the id"
_PROMPT: Final = "set the gen_ai.prompt.name and gen_ai.prompt.version attributes on the span"
_FLAVOR: Final = "use an OpenTelemetry instrumentation for it: its spans join these traces by themselves"

PARAMETERS: Final = {
    "trace_destination": _TARGET,
    "trace_location": _TARGET,
    "experiment_id": "all traces of a process go to one experiment: use mlflow.set_experiment()",
    "sampling_ratio_override": "use genai_otel.configure(sampler=...) or OTEL_TRACES_SAMPLER",
    "run_id": _RUN,
    "log_level": "spans have no log level: use an attribute, attributes={...}",
    "description": "spans have no description: use an attribute, attributes={...}",
    "source": "an evaluation event has no source: name it in name= or in rationale=",
    "metadata": "an evaluation event has none: use rationale=, or update_current_trace(metadata={...})",
    "tracking_uri": "all clients of a process use one server: use mlflow.set_tracking_uri()",
    "registry_uri": _RUNS,
}


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    return {name: alternative for alternative, names in rows.items() for name in names.split()}


FUNCTIONS: Final = _table(
    {
        _BACKEND: "get_trace search_traces search_sessions delete_traces "
        "get_assessment update_assessment delete_assessment override_feedback",
        _WHOLE: "log_trace add_trace",
        _RESULT: "log_expectation log_assessment log_issue evaluate",
        _RUN: "link_traces_to_run unlink_traces_from_run",
        _PROMPT: "link_prompt_versions_to_trace",
        "exported tags cannot be taken back: set another value with set_trace_tag()": "delete_trace_tag",
        _RUNS: "start_run end_run active_run get_run search_runs create_experiment get_experiment "
        "get_experiment_by_name search_experiments set_tag set_tags log_param log_params log_metric "
        "log_metrics log_artifact log_artifacts log_text log_dict log_model set_active_model "
        "register_model load_prompt",
    }
)
TRACING: Final = _table(
    {
        _TARGET: "set_destination set_experiment_trace_location unset_experiment_trace_location "
        "set_databricks_monitoring_sql_warehouse_id",
        'use genai_otel.configure(exporter="console") to see finished traces': "enable_notebook_display",
        "use the global one: opentelemetry.trace.get_tracer_provider()": "get_bridged_tracer_provider",
    }
)
ENTITIES: Final = _table(
    {
        _BACKEND: "Trace TraceInfo TraceData TraceState TraceLocation",
        _RESULT: "Assessment AssessmentSource Feedback Expectation",
        PARAMETERS["log_level"]: "SpanLogLevel",
        _RUNS: "Run RunInfo Metric Param MlflowExperimentLocation",
    }
)

MODULES: Final = _table(
    {
        _FLAVOR: "ag2 agno anthropic autogen bedrock crewai dspy gemini groq haystack langchain langgraph "
        "litellm llama_index mistral otel pydantic_ai semantic_kernel smolagents strands",
        _RESULT: "genai",
        _RUNS: "artifacts data models projects pyfunc sklearn",
    }
)


def refuse(api: str, alternative: str) -> NoReturn:
    """Raise the error that names what to use instead of ``api``.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(f"{api} is not available in genai_otel.compat.mlflow: {alternative}")


def refuse_given(api: str, **values: object) -> None:
    """Refuse the first parameter whose value is not None.

    Raises:
        NotImplementedError: if there is one, naming what to use instead.
    """
    for name, value in values.items():
        if value is not None:
            refuse(f"{api}({name}=...)", PARAMETERS[name])


def stub(api: str, alternative: str) -> Callable[..., NoReturn]:
    """Return a function that refuses every call."""

    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(api, alternative)

    refused.__name__ = refused.__qualname__ = api.rpartition(".")[2]
    refused.__doc__ = f"Not available: {alternative}."
    return refused


class _Module:
    """A module of MLflow's that is not here: everything it would offer refuses every call."""

    def __init__(self, api: str, alternative: str) -> None:
        self._api = api
        self._alternative = alternative

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stub(f"{self._api}.{name}", self._alternative)


def missing(module: str, name: str, refused: Mapping[str, str], offered: Iterable[str]) -> Any:
    """Return the stub for a ``name`` that is known and refused.

    Raises:
        AttributeError: for an unknown name, listing near ones.
    """
    api = f"{module.removeprefix('genai_otel.compat.')}.{name}"
    if name in refused:
        return stub(api, refused[name])
    if name in MODULES and refused is FUNCTIONS:
        return _Module(api, MODULES[name])
    close = [] if name.startswith("__") else difflib.get_close_matches(name, list(offered), 3, 0.6)
    hint = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
    raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}", name=name)
