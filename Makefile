# Every target works on a machine that has nothing but Python >= 3.10 and make: environments are made on demand.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
ENDPOINT ?=
DEMO_FLAGS ?=
PYTEST_FLAGS ?=
MINUTES ?= 5
SECONDS ?= 120

.DEFAULT_GOAL := help
.PHONY: help demo test test-here test-beside e2e lint types bench faults fuzz soak docs package collector collector-path collector-validate jaeger jaeger-path clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python >= 3.10 is needed; set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[openai,console]"
	@touch $@

$(VENV)/.developer: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

demo: $(VENV)/.installed ## run the demo pipeline; ENDPOINT=http://localhost:4318 sends it to a collector
	@$(BIN)/genai-otel demo $(if $(ENDPOINT),--endpoint $(ENDPOINT)) $(DEMO_FLAGS)

# What runs against real servers and in environments of its own waits a lot: the rest runs beside it.
BESIDE := tests/e2e tests/existing_setups tests/matrix

test: $(VENV)/.developer ## run the whole test suite
	@$(MAKE) --no-print-directory --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) --jobs=2 test-beside test-here

test-here: $(VENV)/.developer
	$(BIN)/python -m pytest -o cache_dir=.pytest_cache/here $(addprefix --ignore=,$(BESIDE)) $(PYTEST_FLAGS)

test-beside: $(VENV)/.developer
	$(BIN)/python -m pytest -o cache_dir=.pytest_cache/beside $(BESIDE) $(PYTEST_FLAGS)

e2e: $(VENV)/.developer ## run the tests against real servers, which are built first where Go is installed
	@if command -v go >/dev/null; then scripts/collector.sh build && scripts/jaeger.sh build; \
	else echo "Go is not installed: the tests against the collector and Jaeger are SKIPPED" >&2; fi
	$(BIN)/python -m pytest tests/e2e -rs $(PYTEST_FLAGS)

lint: $(VENV)/.developer ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developer ## check types with mypy (strict) and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.developer ## measure overhead, side by side with the floor and the peers
	$(BIN)/python -m benchmarks

fuzz: $(VENV)/.developer ## try generated programs, streams and values for MINUTES=5
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

faults: $(VENV)/.developer ## break every function in every scenario that reaches it; the suite tries a sample
	GENAI_OTEL_TEST_ALL_FAULTS=1 $(BIN)/python -m pytest tests/test_faults.py $(PYTEST_FLAGS)

soak: $(VENV)/.developer ## run a service for SECONDS=120 in front of a collector that comes and goes
	$(BIN)/python -m soak --seconds $(SECONDS)

$(VENV)/.writer: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

docs: $(VENV)/.writer ## build the documentation as a site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

package: $(VENV)/.developer ## build wheel and sdist twice and try them in empty environments
	$(BIN)/python -m scripts.check_package

collector: ## build the OpenTelemetry Collector of deploy/collector (needs Go)
	@scripts/collector.sh build

collector-path: ## print where its binary is
	@scripts/collector.sh path

collector-validate: ## check every collector configuration in the repository with it
	@scripts/collector.sh validate

jaeger: ## build Jaeger v2 (needs Go)
	@scripts/jaeger.sh build

jaeger-path: ## print where its binary is
	@scripts/jaeger.sh path

clean: ## remove environments and caches
	rm -rf $(VENV) .cache build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
