# One command for each thing that one does here; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BENCH_VENV ?= .venv-bench

.DEFAULT_GOAL := help
.PHONY: help client setup demo up test check format verify bench bench-detect bench-cameras bench-capacity bench-ingest bench-outbox bench-api bench-stays bench-soak fuzz torture bench-privacy bench-venv clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which one with make PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.base pyproject.toml
	@echo "installing what the demo needs into $(VENV) (about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml
	@echo "installing everything into $(VENV) (about two minutes)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev ## Make the virtual environment with all parts and tools

demo: $(VENV)/.demo ## Play a real street clip and two sensors through everything
	@$(BIN)/streetcase demo

up: $(VENV)/.demo ## Run the centre on this machine (add EDGE=edge.yaml for an edge)
	@$(BIN)/streetcase up $(if $(EDGE),--edge $(EDGE))

test: setup ## Run the tests; they start every service that they need
	@scripts/install_services.sh
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: setup ## Lint, types, and the walls between the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

verify: setup ## The demo and every bench at small size, against generous floors
	@scripts/install_services.sh
	@$(BIN)/python -m bench.verify

bench: bench-detect bench-cameras bench-capacity bench-ingest bench-outbox bench-api bench-stays bench-soak ## All benches at full size (an hour)

bench-detect: setup ## Milliseconds per frame beside the raw OpenVINO call (add ARGS='--threads 1 --batches 2 4 8')
	@$(BIN)/python -m bench.detect $(ARGS)

bench-cameras: setup ## CPU seconds of a camera minute, beside bare decoding and ultralytics (needs bench-venv for that)
	@$(BIN)/python -m bench.cameras --bench-venv $(BENCH_VENV)

bench-capacity: setup ## How many cameras this machine looks at in time (add ARGS='--seconds 60 --search')
	@$(BIN)/python -m bench.capacity $(ARGS)

bench-ingest: setup ## Events per second into cases, beside raw XADD and the same SQL alone (40 minutes)
	@scripts/install_services.sh
	@$(BIN)/python -m bench.ingest

bench-outbox: setup ## What the edge's outbox takes and drains, beside raw fsyncs
	@scripts/install_services.sh
	@$(BIN)/python -m bench.outbox

bench-privacy: setup ## How many heads are blurred in what is stored (add DATA=folder of labelled pictures, SPLIT=val2017)
	@$(BIN)/python -m bench.privacy --data $(DATA) $(if $(SPLIT),--split $(SPLIT))

fuzz: setup ## Ask the whole API at random, 2,000 times and more; every answer must be as documented
	@scripts/install_services.sh
	@$(BIN)/python -m bench.fuzz --examples 20

bench-api: setup ## The case API at a million cases beside a hand-written route (20 minutes)
	@scripts/install_services.sh
	@$(BIN)/python -m bench.api

bench-stays: setup ## What the edge raises from composed clips: recall, precision, delay, gate off and on
	@$(BIN)/python -m bench.stays

bench-soak: setup ## One camera fails in every way for ten minutes: it comes back, memory is flat, others do not notice
	@scripts/install_services.sh
	@$(BIN)/python -m bench.soak $(ARGS)

torture: setup ## Kill every part again and again; count what is lost or doubled (5 minutes)
	@scripts/install_services.sh
	@$(BIN)/python -m bench.torture

client: setup ## Write the typed client of the API anew, after its routes changed
	@$(BIN)/python -m scripts.typed_client

bench-venv: ## Make the separate environment with ultralytics, for training and comparison
	@bench/make_venv.sh $(BENCH_VENV)

clean: ## Remove the virtual environments and what demo and tests left behind
	rm -rf $(VENV) $(BENCH_VENV) .bench-clips demo-out demo.json .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
