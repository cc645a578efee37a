# Everything a developer or an operator of a small shop does. Needs Python 3.11 to 3.13, git and make; nothing else.
# `make` or `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := .state/environment

.DEFAULT_GOAL := help
.PHONY: help env lock up demo test check history bench compose-smoke migration schemas clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## make the environment in .venv from the lock file

# The stamp counts only while the environment it stands for is there.
ifeq ($(wildcard $(BIN)/python),)
.PHONY: $(READY)
endif
$(READY): requirements.lock pyproject.toml infra/environment.sh
	@bash infra/environment.sh "$(PYTHON)" "$(VENV)"
	@mkdir -p $(dir $@) && touch $@

lock: ## write requirements.lock anew from pyproject.toml (after changing a dependency)
	@test -x $(BIN)/uv || bash infra/environment.sh --tools-only "$(PYTHON)" "$(VENV)"
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links $(LOCK_OPTIONS) pyproject.toml -o requirements.lock

up: $(READY) ## run a shop with demo data on this machine until Ctrl-C, and say where it is
	$(BIN)/tillstream demo --keep

demo: $(READY) ## ring up a day of real baskets unattended and check that everything agrees
	$(BIN)/tillstream demo

# Three at a time on two cores: a test waits for servers about as long as it computes.
test: $(READY) ## all tests but the benchmarks
	$(BIN)/pytest -q -n 3 --ignore=tests/bench

check: $(READY) ## style, types, layering, contracts, migrations, manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tillstream contracts check
	$(BIN)/tillstream schema check
	$(BIN)/tillstream gateway check-drivers

history: $(READY) ## eight tills for a minute over RabbitMQ, with crashes: nothing lost, nothing twice
	TILLSTREAM_HISTORY_S=60 $(BIN)/pytest -q tests/chaos/test_history.py

bench: $(READY) ## measure against the budgets of the design, as ratios in one run
	$(BIN)/python -m tests.bench

compose-smoke: $(READY) ## start the compose file, sell over the edge, scale, stop (needs Docker)
	$(BIN)/python -m infra.docker.smoke

migration: $(READY) ## write a migration: make migration SERVICE=sales MESSAGE="Count voids"
	@$(BIN)/tillstream schema new "$(SERVICE)" "$(MESSAGE)"

schemas: $(READY) ## write JSON Schemas, AsyncAPI and OpenAPI anew (after changing a contract or a route)
	$(BIN)/tillstream contracts export

clean: ## remove the environment, caches and the embedded database
	rm -rf $(VENV) .state .data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
