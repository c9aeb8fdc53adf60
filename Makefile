# Everything is set up by the target that needs it; nothing has to be installed before but Python 3.11 and make.

.DEFAULT_GOAL := help
SHELL := /bin/bash
RUN := .venv/bin
CODE := services shared tests $(wildcard bench)
# Most of the suite waits: three processes, each with servers of its own and a file at a time, keep two cores busy.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile
# One after the other: a fault that is to be measured is not measured beside another one.
FAULTS_SIDE_BY_SIDE := --numprocesses 0
COMPILE = $(RUN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" pyproject.toml --extra standalone $(UPGRADE)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## mail, SMS and a kill -9 in mid-send, end to end, on this machine
	@bin/bootstrap demo
	@$(RUN)/postroom demo

.PHONY: test
test: lint ## everything: style, types, imports and the whole suite on real servers
	@$(RUN)/python -m pytest $(SIDE_BY_SIDE) </dev/null
	@echo "make test: all checks and tests passed"

.PHONY: faults
faults: dev ## kills, cuts, floods: what survives, written to docs/reliability.md (ROUNDS=10 SEED=7 ONLY=tests/faults/...)
	@POSTROOM_FAULT_ROUNDS=$(ROUNDS) POSTROOM_FAULT_SEED=$(SEED) \
		$(RUN)/python -m pytest $(FAULTS_SIDE_BY_SIDE) --fault-page docs/reliability.md $(or $(ONLY),tests/faults) </dev/null

.PHONY: known-bugs
known-bugs: dev ## mistakes of others are planted, and the tests that must see them do; without them they pass
	@$(RUN)/python -m pytest -q --no-header tests/known_bugs $$($(RUN)/python -m tests.known_bugs) </dev/null

.PHONY: unit
unit: dev ## the tests that need no server
	@$(RUN)/python -m pytest $(SIDE_BY_SIDE) tests/unit </dev/null

.PHONY: lint
lint: dev ## style, types, who imports whom, budgets
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy $(CODE)
	@$(RUN)/lint-imports
	@$(RUN)/python -m pytest -q --no-header tests/unit/test_house.py </dev/null

.PHONY: format
format: dev ## put the code into shape
	@$(RUN)/ruff check --fix .
	@$(RUN)/ruff format .

.PHONY: coverage
coverage: dev ## every branch of the decisions is taken by a unit test
	@$(RUN)/coverage run -m pytest -q --no-header --hypothesis-profile=ci $(wildcard tests/unit/*/) </dev/null
	@$(RUN)/coverage report

.PHONY: bench
bench: dev ## the figures of the README, measured here
	@$(RUN)/python -m bench

.PHONY: release-check
release-check: dev ## the package, the list of its parts, known holes in them (asks the internet; OFFLINE=--offline does not)
	@bin/release-check $(OFFLINE)

.PHONY: lock
lock: dev ## write the lock files anew (UPGRADE=--upgrade takes newer versions)
	@$(COMPILE) --group build --output-file requirements.lock
	@$(COMPILE) --group dev --output-file requirements-dev.lock

.PHONY: clean
clean: ## remove what was installed and cached
	rm -rf .venv .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: dev
dev:
	@bin/bootstrap dev
