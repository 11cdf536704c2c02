# Everything a person or CI runs here; `make` alone lists it. What a target needs is installed into .venv first,
# and again only when pyproject.toml or the lock is newer. Python 3.11 or newer, with pip and venv, is all it starts from.

PYTHON ?= python3
ARGS ?=
N ?= 5000
VENV := .venv
BIN := $(VENV)/bin
GRAPHBIT := $(BIN)/graphbit-nb
EVERYTHING := .[local,lab,test,dev]
STAMPS := $(VENV)/.for-demo $(VENV)/.for-lab $(VENV)/.for-tests

MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK = 1
.NOTPARALLEL:
.PHONY: help demo lab test test-unit test-notebooks test-browser check lint audit fuzz format bench bench-peers lock images clean local-model

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: LOCAL_MODELS := --only chat
demo: $(VENV)/.for-demo local-model ## Run the demonstration on the local model
	$(GRAPHBIT) demo

lab: $(VENV)/.for-lab local-model ## Open the quickstart in JupyterLab, on this machine only
	$(BIN)/jupyter lab notebooks/quickstart.ipynb --allow-root --ServerApp.ip=127.0.0.1

test: ## Run all tests, in three processes; one that fails does not hide the others
	@$(MAKE) --keep-going test-unit test-notebooks test-browser

test-unit: $(VENV)/.for-tests ## Run the unit tests; ARGS='-k name' selects
	-@$(MAKE) local-model
	$(BIN)/pytest -n auto $(ARGS)

test-notebooks: $(VENV)/.for-tests ## Run every notebook, with nbval
	-@$(MAKE) local-model
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && set -x && GRAPHBIT_HOME="$$home" \
	$(BIN)/pytest -p nbval --nbval-lax --nbval-current-env --nbval-cell-timeout=300 notebooks

# Without a browser this says so and is no failure, except in CI.
test-browser: $(VENV)/.for-tests ## Run the tests in JupyterLab, in Chromium
	@if .ci/system-packages chromium; then set -x; $(BIN)/pytest -n 2 --dist loadfile tests/browser $(ARGS); \
	elif [ "$$CI" = true ]; then exit 1; \
	else echo 'browser tests: not run (no Chromium on this machine)'; fi

check: ## Do what CI does: format, lint, types, layers, known faults of packages, all tests
	@$(MAKE) --keep-going lint audit test-unit test-notebooks test-browser

lint: $(VENV)/.for-tests ## Check format, lint, types and layers
	@status=0; for check in 'ruff format --check' 'ruff check' mypy lint-imports; do \
	  echo "$(BIN)/$$check"; $(BIN)/$$check || status=1; done; exit $$status

audit: $(VENV)/.for-tests ## Look the packages of the lock up in the advisory database
	@.ci/audit

fuzz: $(VENV)/.for-tests ## Load thousands of spoilt files, and call with anything; N=50000 says how many
	@status=0; for what in files.fuzz storage.spoiling storage.keyfuzz storage.cassettefuzz house.test_bad_calls; do \
	  echo "tests.$$what $(N)"; $(BIN)/python -m tests.$$what $(N) || status=1; done; exit $$status

format: $(VENV)/.for-tests ## Format the code and mend what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.for-tests ## Measure against a bare loop of asyncio and graphlib; ARGS='overhead scale' selects
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: $(VENV)/.for-tests ## Measure other engines as well, the newest from pip; ARGS='langgraph' selects
	$(BIN)/python -m benchmarks peers $(ARGS)

images: $(VENV)/.for-tests local-model ## Make the pictures of the documentation from the real thing
	@.ci/system-packages chromium
	$(BIN)/python tests/browser/make_images.py

clean: ## Remove what was built and cached, but not .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# A fresh environment, so that what was ever installed by hand stays out. Make it with the oldest 3.11 there is
# (Debian 12 has 3.11.2): some packages leave early ones out, and what these can have serves the later ones too.
lock: ## Pin the newest versions of everything in requirements.lock; needs Python 3.11
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "make lock: needs PYTHON=python3.11")'
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(PYTHON) -m venv "$$fresh" && "$$fresh/bin/pip" install -qq -e '$(EVERYTHING)' && \
	{ echo '# Versions that are tested together, on Python 3.11: a pip constraints file, made by `make lock`.'; \
	  "$$fresh/bin/pip" freeze --exclude-editable | LC_ALL=C sort -f; } > "$$fresh/lock" && cp "$$fresh/lock" requirements.lock

local-model:
	@.ci/system-packages libgomp1
	@$(GRAPHBIT) local install $(LOCAL_MODELS)

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "graphbit_nb needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.for-demo: WANTED = -e '.[local]' nbclient nbconvert
$(VENV)/.for-lab: WANTED = -e '.[local,lab]'
$(VENV)/.for-tests: WANTED = -e '$(EVERYTHING)'

# The lock is for Python 3.11; other versions take the newest that pyproject.toml allows.
$(STAMPS): pyproject.toml requirements.lock | $(BIN)/pip
	@echo "installing $(WANTED) into $(VENV)"
	@lock=$$($(BIN)/python -c 'import sys; sys.version_info[:2] == (3, 11) and print("-c requirements.lock")') && \
	$(BIN)/pip install -qq $$lock $(WANTED)
	@touch $@
