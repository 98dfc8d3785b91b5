# Everything from a clean clone: `make demo` and `make test` do their own set-up; both can be run again and then do only what is left to do.

PYTHON ?= python3
VENV := .venv
DRILLBOOK := $(VENV)/bin/drillbook
PIP := $(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt
# What an engine and images need, what drills need, and what work on Drillbook needs.
CLIENT := $(VENV)/.client
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
SCENARIO := scenarios/versioned_workers
SCENARIO_IMAGES := rabbitmq postgres toxiproxy python scenarios/worker
IMAGES := $(SCENARIO_IMAGES) flagd

# Long runs keep what came of each part under ~/.local/state/drillbook, and are not run again on the same code, unless FRESH=1 says so.
NIGHTLY = $(VENV)/bin/python -m tests.nightly $(if $(FRESH),--fresh)
# Engine and images are had before Drillbook itself is installed.
BARE := PYTHONPATH=harness $(VENV)/bin/python
# Files of tests that are run at once; those on containers mostly wait.
TESTERS ?= 4
WHAT ?= drills
COUNT ?= 20

# Hundreds of processes here import the same: each would compile it anew where this is set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test nightly busy repeat drills soak gallery seeds mutants lint pages setup engine images demo-images engine-stop clean

help: ## Show these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## Run the first drill: a canary is rolled back while its link is slow and its workers die
	@$(MAKE) --no-print-directory --jobs 2 $(INSTALLED) demo-images
	@$(DRILLBOOK) run $(SCENARIO)
	@echo
	@echo "The same drill with a known-bad playbook, which loses tasks and does others twice:"
	@echo "  $(DRILLBOOK) run $(SCENARIO)/careless.yaml"

test: ## Pass all checks and tests, those on real containers too
	@$(MAKE) --no-print-directory --jobs 2 images lint
	@$(VENV)/bin/pytest tests -q -n $(TESTERS) --dist loadfile --no-loadscope-reorder

drills: setup ## Run every drill of scenarios/: the known-good ones must hold, the known-bad ones break exactly what they name
	@$(VENV)/bin/pytest scenarios -v -n 2 --dist worksteal --durations 0 --durations-min 1

nightly: setup ## Run all that `make test` leaves out, and go on where the last call stopped (FRESH=1: from the start)
	@$(NIGHTLY)

busy: setup ## Run WHAT=test, drills, gallery or seeds, item by item, with four busy loops beside it
	@$(NIGHTLY) $(WHAT) --busy --count $(COUNT) --write

repeat: setup ## Run the tests on real containers COUNT times, every second time beside busy loops; writes docs/detection.md
	@$(NIGHTLY) repeat --count $(COUNT) --write

soak: setup ## Kill the harness at 20 random moments and look for anything left
	@$(VENV)/bin/python tests/soak/kills.py 20

RUNS ?= 3
gallery: setup ## Plant bugs into known-good drills and see each turn exactly its invariants red; writes docs/detection.md
	@$(VENV)/bin/python -m tests.gallery --runs $(RUNS)

seeds: COUNT = 100
seeds: setup ## Put a correct system through COUNT drills with random faults and see nothing turn red; writes docs/detection.md
	@$(VENV)/bin/python -m tests.soak.seeds $(COUNT) --write

mutants: COUNT = 12
mutants: $(DEVELOPING) ## Plant COUNT mistakes in each package, in a copy, and see which the unit tests notice; writes CONTRIBUTING.md
	@$(VENV)/bin/python -m tests.mutants --count $(COUNT) --write

pages: $(DEVELOPING) ## Write the pages of the documentation that are made from code
	@$(VENV)/bin/python -m drillbook.app.pages

lint: $(DEVELOPING) ## Check format, style and types
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Some files are not formatted: run $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --no-error-summary

setup: ## Make the virtual environment, have a Docker engine, have the images
	@$(MAKE) --no-print-directory --jobs 2 $(DEVELOPING) images

engine: $(CLIENT)
	@$(BARE) -m drillbook.engine.engine

images: engine
	@$(BARE) -m drillbook.engine.images $(IMAGES)

demo-images: engine
	@$(BARE) -m drillbook.engine.images $(SCENARIO_IMAGES)

engine-stop: ## End the Docker engine, if it was started by this Makefile
	@if [ -x $(VENV)/bin/python ]; then $(BARE) -m drillbook.engine.engine stop; fi

clean: ## Remove what dead runs left behind, and the virtual environment
	@if [ -x $(DRILLBOOK) ]; then $(DRILLBOOK) clean || echo "Could not look for what earlier runs left behind."; fi
	@rm -rf $(VENV) build dist harness/*.egg-info .mypy_cache .ruff_cache .pytest_cache

# The virtual environment grows in three parts, so that images are built beside the second and nobody waits for what a drill does not need.
$(DEVELOPING): $(INSTALLED)
	@echo "installing what work on Drillbook needs"
	@$(PIP) -e '.[dev]'
	@touch $@

$(INSTALLED): $(CLIENT) pyproject.toml constraints.txt
	@echo "installing the pinned packages of constraints.txt"
	@$(PIP) -e .
	@touch $@

$(CLIENT):
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or later, or say PYTHON=path."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$$($(PYTHON) --version) is too old: Drillbook needs 3.11 or later. Say PYTHON=path to use another."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
	    || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null && echo "installing python3-venv" && apt-get update -qq \
	         && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv > /dev/null; } \
	    || { echo "$(PYTHON) cannot make virtual environments: install the package python3-venv."; exit 1; }
	@test -x $(VENV)/bin/pip || { echo "making $(VENV)"; rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@$(PIP) docker psutil
	@touch $@
