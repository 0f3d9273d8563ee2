# The two commands of the README are `make demo` and `make test`; the rest is for those who work on the code.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

FUZZ_SECONDS ?= 600

.PHONY: help demo test recordings brief proof fuzz check lint types contracts format lock schemas clean
help: ## Say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## Show the Vermont morning in this terminal
	$(BIN)/notifier demo

test: $(STAMP) ## Run the tests that need only the package index
	$(BIN)/pytest -n 2 --dist worksteal -m "not parts and not recordings"

recordings: $(STAMP) ## Play the real recordings beside the project (../shared), where they are (20 minutes)
	$(BIN)/pytest -n 2 --dist worksteal -m recordings --timeout 900 -rsP

brief: $(STAMP) ## Play those of the real recordings that .ci/run plays
	$(BIN)/pytest -n 2 --dist worksteal -m "recordings and not long" --timeout 900 -rsP

EVERY ?= 1
proof: $(STAMP) ## Break everything at every step of the send path and read the ledgers (hours; EVERY=250: one case in so many)
	$(BIN)/python -m tests.faults --every $(EVERY)
	$(BIN)/python -m tests.faults.callbacks --every $(EVERY)

fuzz: $(STAMP) ## Fuzz every source's reader, coverage-guided, FUZZ_SECONDS each (10 minutes; hours in all)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	$(BIN)/python -m tests.fuzz $(FUZZ_SECONDS)

check: lint types contracts ## Lint, types and import contracts

lint: $(STAMP) ## Style
	$(BIN)/ruff check notifier tests benchmarks

types: $(STAMP) ## Types
	$(BIN)/mypy

contracts: $(STAMP) ## Which room may import which
	$(BIN)/lint-imports

schemas: $(STAMP) ## Write the JSON Schemas that editors use
	$(BIN)/notifier schema --write config/schema

lock: $(STAMP) ## Lock the dependencies anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --extra demo --extra nodes --extra postgres pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --extra demo --extra nodes --extra postgres --extra dkim --extra train --extra test --extra lint --extra build pyproject.toml -o requirements-dev.lock
	echo "atheris==3.0.0" | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header - -o requirements-fuzz.lock

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
