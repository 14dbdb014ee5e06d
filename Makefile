# Everything one does here. `make` explains itself; `make ci` is what continuous integration runs.

.DEFAULT_GOAL := help
# Targets install into one environment and share one machine: never two at a time.
.NOTPARALLEL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest
UI := airflow_plugin/ui
# Test processes side by side. Each has a Postgres of its own and waits a third of its time: three keep two cores busy.
WORKERS := 3
# The floors of the tests. A floor that is not there yet is empty, not an error.
INTEGRATION := $(wildcard tests/integration tests/packaging tests/docs tests/chart)
# File by file, in the order that tests/conftest.py has put them in.
SIDE_BY_SIDE := --dist loadfile --no-loadscope-reorder
# Thousands of tests with real processes share two cores: one that is red beside others counts when it is red alone too.
# Both times are printed; a test that needs its second try is a defect to look after. Only code 1 means red tests.
ALONE = || { [ $$? = 1 ] && echo "Once more, alone, what was red:" && $(PYTEST) --last-failed --last-failed-no-failures=none
# The tools find each other, and a test finds the programs of this environment, not the machine's.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# No tool may answer a question or wait for one.
export PYTHONUNBUFFERED := 1
# A machine may set it: then each of hundreds of Python processes would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# Its makers announce their next product; known.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help
help: ## Say what can be done
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) page ## Make .venv with the locked tools and this project in it (PYTHON=... chooses another Python)

$(STAMP): requirements/dev.txt requirements/uv.txt requirements/bootstrap.sh pyproject.toml
	@requirements/bootstrap.sh
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: page
page: $(STAMP) ## Build the page, unless it is that of the present sources
	@$(BIN)/python $(UI)/build_hook.py

.PHONY: page-tools
page-tools: $(STAMP)
	@$(BIN)/python $(UI)/build_hook.py --install

.PHONY: programs
programs:
	@requirements/programs.sh

.PHONY: nftables
nftables:
	@requirements/nftables.sh

.PHONY: service-managers
service-managers:
	@requirements/service_managers.sh

.PHONY: promtool
promtool: $(STAMP)
	@requirements/promtool.sh

.PHONY: chromium
chromium:
	@requirements/chromium.sh

.PHONY: helm
helm: $(STAMP)
	@requirements/helm.sh

.PHONY: fmt
fmt: $(STAMP) page-tools ## Format, and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	cd $(UI) && npm run --silent fix

.PHONY: lint
lint: $(STAMP) page-tools ## Formatting, ruff, import contracts, types, the page, spelling, house rules, lock
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy
	cd $(UI) && npm run --silent check
	$(BIN)/codespell
	$(PYTEST) -q tests/lint
	$(BIN)/python requirements/lock.py --check

.PHONY: test
test: test-unit test-ui test-int test-e2e ## All tests

.PHONY: test-unit
test-unit: $(STAMP) ## Tests without processes, network or database
	$(PYTEST) -n 2 tests/unit

.PHONY: test-ui
test-ui: $(STAMP) page-tools ## Tests of the parts of the page, with a server that is not there
	cd $(UI) && npm run --silent test

.PHONY: test-int
test-int: $(STAMP) page programs nftables openssh service-managers chromium helm promtool ## Tests with real databases, servers, processes and wheels
	$(PYTEST) -n $(WORKERS) $(SIDE_BY_SIDE) $(INTEGRATION) $(ALONE) $(INTEGRATION); }

.PHONY: test-e2e
test-e2e: $(STAMP) page programs chromium ## A whole Airflow and agents as real processes, with Airflow's REST API as judge
	$(PYTEST) -n 2 $(SIDE_BY_SIDE) tests/e2e $(ALONE) tests/e2e; }

.PHONY: screenshots
screenshots: $(STAMP) page programs chromium ## Take the pictures of the page for the docs, and look at them
	$(PYTEST) tests/e2e/page/pictures.py

.PHONY: coverage
coverage: PYTEST := $(BIN)/coverage run -m pytest
coverage: WORKERS := 0
coverage: clean-coverage test-unit test-int ## What unit and integration tests reach
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: clean-coverage
clean-coverage:
	@rm -f .coverage .coverage.*

.PHONY: demo
demo: $(STAMP) page ## A whole Airflow with one agent, until Ctrl-C (ONCE=1: end after one success)
	@exec $(BIN)/python docs/demo/run.py $(if $(ONCE),--once)

.PHONY: chaos
chaos: $(STAMP) programs ## Kill, cut and restart everything under load, then audit (MINUTES=3 SEED=1)
	$(BIN)/python -m tests.chaos

.PHONY: broken-promises
broken-promises: $(STAMP) programs ## Break each line that keeps a promise, and see which tests notice (PROMISE=4: of that one)
	$(BIN)/python -m tests.broken_promises

.PHONY: endurance
endurance: $(STAMP) programs ## Outages and restarts around long tasks (WHAT=outage MINUTES=60, WHAT=journey MINUTES=10)
	$(BIN)/python -m tests.endurance $(WHAT)

.PHONY: bench
bench: $(STAMP) ## Side by side with the stock edge provider: table and plot for the docs
	$(BIN)/python -m tests.bench

.PHONY: bench-faults
bench-faults: $(STAMP) ## The same faults on the stock edge provider and here: table and plot (FAULTS=host-dies)
	$(BIN)/python -m tests.bench.faults

.PHONY: bench-fairness
bench-fairness: $(STAMP) ## What a flood of one agent costs the others: table for the docs
	$(BIN)/python -m tests.bench.fairness

.PHONY: bench-sizing
bench-sizing: $(STAMP) ## What agents cost an API server, a host and its link, and jobs the database: tables (QUICK=1)
	$(BIN)/python -m tests.bench.sizing

.PHONY: bench-attacks
bench-attacks: $(STAMP) ## The same attacks on the stock edge provider and here: table for the docs
	$(BIN)/python -m tests.bench.attacks

.PHONY: openssh
openssh:
	@requirements/openssh.sh

.PHONY: bench-commands
bench-commands: $(STAMP) openssh ## Commands beside BashOperator and SSHRemoteJobOperator: table and plot (QUICK=1, PARTS=times,log)
	$(BIN)/python -m tests.bench.commands

.PHONY: gen
gen: $(STAMP) page-tools helm ## Write what is generated: reference pages, OpenAPI, the page's types, the chart
	$(BIN)/python -m tests.gen

.PHONY: gen-check
gen-check: $(STAMP) page-tools helm ## Fail when something generated is stale
	$(BIN)/python -m tests.gen --check

.PHONY: docs
docs: $(STAMP) ## Build the site of the documentation into .site; any warning is a failure
	$(BIN)/mkdocs build --strict --clean --config-file docs/site/mkdocs.yml

.PHONY: docs-serve
docs-serve: $(STAMP) ## Show that site, and each change of a page as it is saved, until Ctrl-C
	$(BIN)/mkdocs serve --strict --config-file docs/site/mkdocs.yml

.PHONY: lock
lock: $(STAMP) ## Resolve the dependencies anew into requirements/ (UPGRADE=1: the newest of everything)
	$(BIN)/python requirements/lock.py $(if $(UPGRADE),--upgrade)

.PHONY: build
build: $(STAMP) ## Source distribution and wheel into dist/
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --clear

.PHONY: ci
ci: lint gen-check docs test ## What continuous integration runs
