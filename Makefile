# Every target that needs the virtual environment makes it first: from the lock, and again only when the lock changes.
# `make run` needs less than the others, which install the rest into the same environment.
# For another Python: make PYTHON=python3.13 VENV=.venv-3.13 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What `make performance` measures on.
PYTHONS ?= $(BIN)/python
RUN_STAMP := $(VENV)/.can-run
STAMP := $(VENV)/.made-from-lock
LOCK_TOOL := .lock-venv
DOCS := .docs-venv
DOCS_STAMP := $(DOCS)/.made-from-lock
SBOM := .sbom-venv
SBOM_STAMP := $(SBOM)/.made-from-lock
# What npm installs for the API reference: Redoc.
REDOC_STAMP := api_reference/node_modules/.made-from-lock
# Client libraries of both API versions, each in an environment of its own.
CLIENTS := .clients
CLIENT_STAMPS := $(foreach client,xrpl_py/v1 xrpl_py/v2 xrpl_js/v1 xrpl_js/v2,$(CLIENTS)/$(client)/.made-from-lock)

.DEFAULT_GOAL := help
.PHONY: help setup run reference test test-slow test-workers test-clients soak hostile bench bench-capacity performance lint docs api-reference format dist sbom lock lock-reference lock-clients clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make the virtual environment .venv

$(RUN_STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not that; name one: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "making $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(STAMP): $(RUN_STAMP) requirements-dev.txt
	@echo "installing what development needs"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: $(RUN_STAMP) ## start a demo node and the proxy; NODE=rippled-1.12, rippled-2.6, xrpld-3.3 or clio
	@$(BIN)/python -m proxy demo $(if $(NODE),--node $(NODE))

test: $(STAMP) ## run the tests, two processes per core
	@$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal $(OPTIONS)

test-slow: $(STAMP) ## run the tests that take long by nature
	@$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal -m slow $(OPTIONS)

test-workers: $(STAMP) ## the fault and conformance tests, on proxies of two workers
	@$(BIN)/python -m pytest --quiet tests/faults tests/conformance --workers 2

soak: $(STAMP) ## sessions on nodes that fail, for SECONDS (60; 3600 judges memory), on WORKERS (0: in one process)
	@$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),60) --workers $(or $(WORKERS),0)

hostile: $(STAMP) ## every known attack at the same time, for SECONDS (60), on WORKERS (1), and what another client notices
	@$(BIN)/python -m tests.hostile --seconds $(or $(SECONDS),60) --workers $(or $(WORKERS),1)

test-clients: $(STAMP) $(CLIENT_STAMPS) ## install real client libraries and run the tests with them
	@$(BIN)/python -m pytest --quiet -m clients tests/clients

$(CLIENTS)/xrpl_py/%/.made-from-lock: tests/clients/xrpl_py/%/requirements.txt
	@echo "installing xrpl-py ($*)"
	@rm -rf $(@D)
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(CLIENTS)/xrpl_js/%/.made-from-lock: tests/clients/xrpl_js/%/package.json tests/clients/xrpl_js/%/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "xrpl.js needs Node.js 20.19 or newer: install node and npm, then make test-clients again" >&2; exit 1; }
	@echo "installing xrpl.js ($*)"
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@cd $(@D) && npm ci --silent --no-fund --no-audit --ignore-scripts
	@touch $@

bench: $(STAMP) ## what the proxy costs, compared with nginx, Node.js and others; takes nginx, wrk and twelve minutes
	@$(BIN)/python -m bench $(OPTIONS)

bench-capacity: $(STAMP) ## the sessions and requests per second that one core serves; takes six minutes
	@$(BIN)/python -m bench.capacity $(OPTIONS)

# A row that fails is reported, and the others are written all the same.
performance: $(STAMP) ## bench and bench-capacity, written into docs/performance.md; PYTHONS="FILE FILE"; takes 25 minutes
	@rm -f bench.json capacity.json
	-@$(BIN)/python -m bench $(foreach python,$(PYTHONS),--python $(python)) $(OPTIONS)
	-@$(BIN)/python -m bench.capacity --python $(firstword $(PYTHONS))
	@$(BIN)/python -m bench.document bench.json --capacity capacity.json

lint: $(STAMP) $(DOCS_STAMP) ## ruff, mypy --strict, import contracts, spelling, links between documents
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/codespell
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build

docs: $(DOCS_STAMP) ## build the documentation site with the API reference in build/site; needs npm
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build
	@$(MAKE) --no-print-directory api-reference

api-reference: $(RUN_STAMP) $(REDOC_STAMP) ## build the API reference alone, in build/site/reference; needs npm
	@$(BIN)/python -m api_reference build/site/reference

$(REDOC_STAMP): api_reference/package.json api_reference/package-lock.json
	@command -v npm >/dev/null || { echo "The API reference was not built: it needs npm. Install Node.js 20 or newer, then" \
		"run make $(or $(MAKECMDGOALS),api-reference) again. The other pages in build/site do not need it." >&2; exit 1; }
	@cd api_reference && npm ci --silent --no-fund --no-audit --ignore-scripts --legacy-peer-deps
	@touch $@

$(DOCS_STAMP): requirements-docs.txt
	@rm -rf $(DOCS)
	@$(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

format: $(STAMP) ## put imports and layout in order
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

reference: $(STAMP) ## write the reference of configuration and metrics in docs/ again
	@$(BIN)/python -m proxy config reference > docs/configuration.md
	@$(BIN)/python -m proxy config schema > docs/configuration.schema.json
	@UPDATE_REFERENCE=1 $(BIN)/python -m pytest --quiet tests/observe/test_metrics_reference.py

# Reproducible: the same commit gives the same files.
dist: $(STAMP) ## build the sdist and the wheel into dist/, and check them
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --quiet
	@$(BIN)/twine check --strict dist/*

sbom: $(SBOM_STAMP) ## list the packages of an installation in build/sbom.cdx.json (CycloneDX)
	@mkdir -p build
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(SBOM)/bin/cyclonedx-py requirements requirements-image.txt \
		--pyproject pyproject.toml --output-reproducible --output-file build/sbom.cdx.json

$(SBOM_STAMP): requirements-sbom.txt
	@rm -rf $(SBOM)
	@$(PYTHON) -m venv $(SBOM)
	@$(SBOM)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

lock: ## make the locks again, from pyproject.toml
	@test -x $(LOCK_TOOL)/bin/uv || { $(PYTHON) -m venv $(LOCK_TOOL) && $(LOCK_TOOL)/bin/pip install --quiet uv==0.9.8; }
	@for lock in "requirements.txt pyproject.toml" "requirements-dev.txt --all-extras --group=build pyproject.toml" \
			"requirements-image.txt --extra=grpc --extra=otel --extra=tls pyproject.toml" "requirements-build.txt --group=build"; do \
		$(LOCK_TOOL)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" --upgrade --output-file $$lock || exit 1; \
	done
	@for group in docs sbom; do \
		$(LOCK_TOOL)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" --upgrade --output-file requirements-$$group.txt --group $$group || exit 1; \
	done

lock-reference: ## make the lock of the API reference again, from its package.json
	@cd api_reference && npm install --silent --package-lock-only --no-fund --no-audit --ignore-scripts --legacy-peer-deps

lock-clients: ## make the locks of the client libraries again, from their requirements.in and package.json
	@test -x $(LOCK_TOOL)/bin/uv || { $(PYTHON) -m venv $(LOCK_TOOL) && $(LOCK_TOOL)/bin/pip install --quiet uv==0.9.8; }
	@for version in v1 v2; do \
		$(LOCK_TOOL)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock-clients" --upgrade --output-file tests/clients/xrpl_py/$$version/requirements.txt \
			tests/clients/xrpl_py/$$version/requirements.in || exit 1; \
		(cd tests/clients/xrpl_js/$$version && npm update --silent --package-lock-only --no-fund --no-audit) || exit 1; \
	done

clean: ## remove what was made: environments, caches, builds
	@rm -rf .venv* $(LOCK_TOOL) $(DOCS) $(SBOM) $(CLIENTS) api_reference/node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
