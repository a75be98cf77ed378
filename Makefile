# Every target works on a machine that has nothing but Python >= 3.10 and make: environments are made on demand.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
ENDPOINT ?=
DEMO_FLAGS ?=
PYTEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

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

test: $(VENV)/.developer ## run the whole test suite
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(VENV)/.developer ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developer ## check types with mypy (strict) and pyright
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/.developer ## measure overhead, side by side with the floor and the peers
	$(BIN)/python -m benchmarks

clean: ## remove environments and caches
	rm -rf $(VENV) .cache build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
