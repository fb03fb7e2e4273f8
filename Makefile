# The two commands of this project are `make demo` and `make test`; each makes what it needs, from nothing but Python and make.
# Nothing here installs outside $(VENV); a second run finds its stamps and installs nothing.

VENV ?= .venv
# One interpreter to use instead of looking for one: make test PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# Passed on to the demo: make demo ARGS=--once
ARGS ?=
# Test processes side by side, one more than this needs cores: half of the tests wait for brokers. Each that needs one starts its own (150 MB).
WORKERS ?= 3

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
# Nothing is resolved anew: a lock names all that is needed, and pip would look at releases newer than the lock for extras.
LOCKED := $(INSTALL) --require-hashes --only-binary :all: --no-deps
PACKAGE := $(INSTALL) -qq --no-deps --no-build-isolation
WHOLE := @$(BIN)/python -m pip --disable-pip-version-check check
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile
CHAOS := nice $(BIN)/python -m tests.chaos --append tests/chaos/results.tsv
COMPILE := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

.PHONY: help demo test lint format types layers pytest coverage docs chaos bench bench-full lock install install-runtime clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo ## Show the main job: broker, metrics of this machine, detector, a real incident (ARGS=--once ends by itself)
	@$(BIN)/streamkl demo $(ARGS)

test: lint types layers pytest coverage ## Everything that must hold: lint, types, layers, tests, coverage

lint: $(VENV)/.dev ## ruff, and formatting as ruff would write it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## Let ruff mend and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The kernels compile meanwhile, on another core: once, not once in every test process.
types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/python -c "import streamkl; streamkl.score([0.0] * 600); streamkl.score([[0.0, 0.0]] * 600)" & $(BIN)/mypy; status=$$?; wait; exit $$status

layers: $(VENV)/.dev ## The import contracts of pyproject.toml
	$(BIN)/lint-imports

pytest: $(VENV)/.dev ## All tests and doctests, with compiled kernels, a real broker and a real browser
	@sh scripts/find-browser.sh
	$(PYTEST)

# Compiled kernels are invisible to coverage: tests of core and engine run once more as plain Python, without those marked `native`.
coverage: $(VENV)/.dev ## Branch coverage of core and engine, kernels as plain Python
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not native and not broker" --cov --cov-report=term-missing:skip-covered \
	  tests/core tests/engine tests/library/test_features.py streamkl/core streamkl/engine

docs: $(VENV)/.dev ## The documentation site, build/site/index.html, with warnings as errors (part of the tests too)
	$(BIN)/zensical build --strict --clean

# Hours. It may be stopped at any time: what stands in the table is not done again.
chaos: $(VENV)/.dev ## The long campaign: 1,000 kills, every fault, pairs of faults, mutants, batchings (appends to tests/chaos/results.tsv)
	$(CHAOS) --runs 100
	$(CHAOS) --all --runs 20
	$(CHAOS) --mix --runs 100
	$(BIN)/python -m tests.chaos --mutants --runs 50
	$(BIN)/python -m tests.chaos --batchings 10000

bench: $(VENV)/.dev ## The benchmarks that say most, in a quarter of an hour; what passed on this code is not run again
	$(BIN)/python -m benchmarks.everything --quick $(ARGS)

bench-full: $(VENV)/.dev ## All benchmarks, each writing its page under docs/benchmarks/: hours, and it may be stopped at any time
	$(BIN)/python -m benchmarks.everything --write $(ARGS)

lock: $(VENV)/.dev ## Write requirements/*.txt anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) $(UPGRADE) --output-file requirements/runtime.txt pyproject.toml requirements/build.in
	$(COMPILE) $(UPGRADE) --constraint requirements/runtime.txt --extra broker --output-file requirements/demo.txt pyproject.toml requirements/build.in
	$(COMPILE) $(UPGRADE) --constraint requirements/demo.txt --extra broker --extra dev --output-file requirements/dev.txt pyproject.toml requirements/build.in

install: $(VENV)/.dev ## Only make the environment

install-runtime: $(BIN)/python ## Only what the service needs, as a copy: what the Dockerfile runs
	$(LOCKED) -r requirements/runtime.txt
	$(PACKAGE) .
	$(WHOLE)

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages of the demo into $(VENV)/ ..."
	$(LOCKED) -r requirements/demo.txt
	$(PACKAGE) --editable .
	$(WHOLE)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages for tests into $(VENV)/ ..."
	$(LOCKED) -r requirements/dev.txt
	$(PACKAGE) --editable .
	$(WHOLE)
	@touch $@

$(BIN)/python:
	@sh scripts/make-venv.sh "$(VENV)" $(PYTHON)

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) build .cache .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache streamkl.egg-info
