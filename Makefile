# Everything one does with this repository. Needs Python 3.11 or 3.12 and make; the rest comes into .venv.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# 3.11 first: it is what we develop on.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$python && break; done)
# An index of CPU builds of torch, for hosts without a GPU: PyPI's own build brings gigabytes of CUDA along.
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
DEMO := $(VENV)/.demo-installed
DEV := $(VENV)/.dev-installed
SAMPLE := f5_tts_core/assets/sample

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(DEV) ## Install everything for development into .venv

.PHONY: demo
demo: $(DEMO) ## Install, start the stack, and speak one text into ./out/demo.wav
	@$(BIN)/timbre status >/dev/null || $(BIN)/timbre up --detach
	@$(BIN)/timbre say "Hello, this is Timbre. I speak your words in the voice that you lend me." \
		--reference $(SAMPLE)/reference.wav --ref-text "$$(cat $(SAMPLE)/reference.txt)" --output out/demo.wav
	@url=$$($(BIN)/timbre status --json | $(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["api_url"])') && \
	echo "Listen: file://$(CURDIR)/out/demo.wav   API documentation: $$url/docs   Stop: $(BIN)/timbre down"

.PHONY: test
test: lint ## Run all tests, after the linters
	@# Stacks as newcomers start them take the usual ports: one at a time.
	@$(BIN)/python -m pytest tests/e2e
	@# A file's tests stay together, in the order of the files: those that wait for processes run beside those that compute.
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --ignore tests/e2e --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: lint
lint: $(DEV) ## Check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(DEV) ## Mend what the linters can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: docs
docs: $(DEV) ## Write anew what docs, .env.example and the chart take from the code
	@$(BIN)/timbre settings --markdown > docs/settings.md
	@$(BIN)/timbre settings --dotenv > .env.example
	@$(BIN)/timbre metrics --markdown > docs/metrics.md
	@$(BIN)/python -m deploy.helm.reference

.PHONY: bench
bench: quality speed ## Measure both: how well the bundled model speaks, and how fast the engine is

.PHONY: quality
quality: $(DEV) ## Measure how well the bundled model speaks (a few minutes)
	@$(BIN)/python -m benchmarks.quality

.PHONY: speed
speed: $(DEV) ## Measure how fast the engine is, beside f5-tts (half an hour on 2 cores)
	@$(BIN)/python -m benchmarks.engine

.PHONY: clean
clean: ## Stop the stack, and remove all that these targets made
	@if [ -x $(BIN)/timbre ]; then $(BIN)/timbre down; fi
	@rm -rf $(VENV) .timbre out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Timbre needs Python 3.11 or 3.12, and finds neither." >&2; exit 1; fi
	@$(PYTHON) -m venv $(VENV)

$(DEMO): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time this takes a minute or two …"
	@$(PIP) -e '.[embedded]'
	@touch $@

# f5-tts asks for gigabytes that inference never imports: its own needs are listed apart, and it comes without.
# Of Resemblyzer, benchmarks read the weights alone; its own needs no longer install everywhere. openapi-python-client
# wants an older typer for its command line, which nobody calls here; all else that it needs is there.
$(DEV): pyproject.toml constraints.txt requirements-reference.txt | $(BIN)/python
	@echo "Installing into $(VENV) for development; the first time this takes a few minutes …"
	@$(PIP) -e '.[embedded,dev]' -r requirements-reference.txt
	@$(PIP) --no-deps f5-tts Resemblyzer openapi-python-client
	@touch $@ $(DEMO)
