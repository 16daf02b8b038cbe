# The platform's commands. `make` alone lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
JA4     = $(BIN)/ja4
AXE     = tests/browser/node_modules/axe-core/axe.min.js

.DEFAULT_GOAL := help
.PHONY: help setup up down status test lint bench lock packages clean system-packages

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## make the virtual environment that `make up` runs in
up: $(VENV)/.runtime ## start everything, with a sample if the database is empty; LIVE=eth0 captures instead
	@$(if $(LIVE),JA4_LIVE=$(LIVE) )$(JA4) up
down: ## stop what `make up` started
	@if [ -x $(JA4) ]; then $(JA4) down; else echo "nothing to stop: no virtual environment in $(VENV)"; fi
status: $(VENV)/.runtime ## say which processes run and where
	@$(JA4) status

test: system-packages $(VENV)/.dev $(AXE) ## lint, then run every test
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy, import-linter, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	cd dbt_clickhouse && $(abspath $(BIN))/sqlfluff lint --disable-progress-bar models tests

bench: $(VENV)/.dev ## print every benchmark's figures
	@set -e; for program in bench/*.py; do echo "== $$program"; $(BIN)/python $$program; done

system-packages:
	@./packaging/install-test-packages

$(BIN)/uv:
	@echo "making the virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$$($(PYTHON) --version) is too old: 3.11 or newer is needed; say which with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "no venv module: install your system's python3-venv package" >&2; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.runtime: requirements.lock pyproject.toml $(BIN)/uv
	@echo "installing the platform's packages (about 2 GB on disk)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --no-deps --no-build-isolation -e .
	@touch $@

# axe-core, which the browser tests run inside pages; its version and content stand in package-lock.json.
$(AXE): tests/browser/package-lock.json
	@npm ci --silent --ignore-scripts --prefix tests/browser
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --require-hashes -r requirements-dev.lock
	@touch $@

lock: $(BIN)/uv ## resolve the lock files again
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra platform --extra build pyproject.toml -o requirements.lock $(LOCK_ARGS)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock $(LOCK_ARGS)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra agent -c requirements.lock pyproject.toml -o requirements-agent.lock $(LOCK_ARGS)

packages: $(VENV)/.runtime ## build .deb and .rpm of the agent and of the Apache module into dist/
	@PYTHON=$(BIN)/python UV=$(BIN)/uv packaging/build-packages dist

clean: down ## stop, and delete the run-time state (the database too)
	rm -rf var build dist dbt_clickhouse/target dbt_clickhouse/logs
