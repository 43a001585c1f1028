# Every task of this repository. Needs git, make and python3 (3.10 or newer); all else goes into $(VENV).
# Kept to what GNU make 3.81 understands, which is the one that macOS has.

VENV ?= .venv
GOLDENS ?= ../shared/goldens
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
    $$name -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$name && break; done)

BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --constraints constraints.txt --build-constraints constraints.txt
EXTRAS := instrument,openai,prices
PACKAGES := --editable '.[$(EXTRAS)]' --editable ./instrumentation
MANIFESTS := pyproject.toml instrumentation/pyproject.toml constraints.txt
SOURCES := $(wildcard $(shell git ls-files --cached --others --exclude-standard 2>/dev/null))

AGENT_TELEMETRY_GOLDENS ?= $(abspath $(GOLDENS))
# The machine's own certificates, as pip uses them.
UV_SYSTEM_CERTS ?= 1
# The Python that is here is the one to use; uv would fetch another from elsewhere than the package index.
UV_PYTHON_DOWNLOADS := never
export AGENT_TELEMETRY_GOLDENS UV_SYSTEM_CERTS UV_PYTHON_DOWNLOADS

# Tests that need more than Python packages have a target each.
ELSEWHERE := not collector and not jaeger and not kafka and not prometheus and not clickhouse and not clients and not harnesses and \
    not temporal and not soak and not matrix and not million
# What takes minutes by itself has a target too, so that `make test` need not.
QUICK := $(ELSEWHERE) and not frameworks and not docs
# Tests run beside each other: most wait for processes that they start, so that three fill two cores. The longest come first.
TOGETHER := -n 3 --dist loadfile --no-loadscope-reorder

OLDEST := --editable '.[instrument,prices]' --editable ./instrumentation
# What depends on OpenTelemetry, and on nothing that is tested elsewhere.
CORE := $(patsubst %,tests/%,consent delivery destinations host identity leaving lifecycle meaning off otlp settings wire zero_code)

# Each of these drives one framework, in an environment that has no other.
ALONE := $(patsubst %,tests/instrumentation/test_%.py,a2a airflow apscheduler arq aws_lambda celery clients commands dbos dramatiq faststream huey \
    langgraph mcp openai_agents prefect procrastinate pymongo ray rq servers taskiq temporalio web)

.PHONY: help demo demo-maintainers docs pictures test test-docs test-goldens test-harnesses test-frameworks test-mongo test-oldest test-temporal test-workflows test-collector test-jaeger test-kafka test-prometheus test-clickhouse test-clients test-million soak bench bench-stores check lint types coverage wheels lock newest release audit-dependencies schema models clean

help:
	@echo 'make demo              an agent service, its trace, and the anonymous events it sent'
	@echo 'make demo-maintainers  ten simulated installations, the proxy of their maintainers, and its report'
	@echo 'make test              all tests; names what did not run and the command that brings it'
	@echo 'make test-goldens      wire compatibility alone; GOLDENS=folder'
	@echo 'make test-docs         what the documentation says, as its readers run it'
	@echo 'make test-frameworks   each framework where it is alone, and the heaviest'
	@echo 'make test-oldest       the core on the oldest OpenTelemetry that is declared'
	@echo 'make test-collector    the configurations for the OpenTelemetry Collector; needs Go and npm, builds for minutes'
	@echo 'make test-harnesses    the real coding agents, from npm, against a scripted model; CHEAP=1 for two of them'
	@echo 'make test-workflows    Prefect with its server, Airflow; minutes'
	@echo 'make test-X            X: temporal (Java and Maven), mongo (Go), jaeger (Go), kafka (Java and Maven), prometheus (Go), clickhouse (chdb), clients (Node and Go SDKs)'
	@echo 'make test-million      the page over a store with a million spans, which is made first; minutes'
	@echo 'make soak              the long forms: kills, forks, hostile values, environments, exits; minutes'
	@echo 'make bench             what telemetry costs, beside its peers; benchmarks/README.md explains each figure'
	@echo 'make bench-stores      how fast the local store and the proxy of the maintainers are'
	@echo 'make check             the one door: lint, types, tests, documentation, wheels'
	@echo 'make coverage          all tests again, and which lines and branches they reach'
	@echo 'make lock              constraints.txt anew; ARGS=--upgrade for newer versions'
	@echo 'make newest            the newest release of all that is covered, in a copy, and which tests it breaks'
	@echo 'make release           both distributions, twice with the same bytes, their SBOM and licences: dist/release'
	@echo 'make audit-dependencies  known vulnerabilities in what is pinned'
	@echo 'make schema            TELEMETRY.md, the JSON Schema and the table of settings from the code'
	@echo 'make models            the shipped lists of public models and prices, from genai-prices'
	@echo 'make docs              the documentation as a site, build/docs/index.html'
	@echo 'make pictures          the pictures of the documentation, taken anew; needs Chromium'
	@echo 'make clean             removes all that these made'

demo: $(VENV)/.demo
	@$(BIN)/agent-telemetry demo

demo-maintainers: $(VENV)/.demo
	@$(BIN)/agent-telemetry demo --maintainers

test: $(VENV)/.test
	@touch $(VENV)/.testing
	$(BIN)/pytest $(TOGETHER) -m '$(QUICK)'
	@mv $(VENV)/.testing $(VENV)/.tested

# Every command and snippet of the documentation, and its ten questions, as their readers run them.
test-docs: $(VENV)/.test
	$(BIN)/pytest $(TOGETHER) -m docs

test-goldens: $(VENV)/.test
	AGENT_TELEMETRY_GOLDENS='$(abspath $(GOLDENS))' REQUIRE_GOLDENS=1 $(BIN)/pytest tests/goldens

test-frameworks: $(VENV)/.frameworks
	$(BIN)/python -m tests.matrix.environments
	REQUIRE_ALL=1 $(BIN)/pytest -n 3 --dist loadgroup --record -m 'not temporal' tests/matrix
	REQUIRE_ALL=1 $(BIN)/pytest $(TOGETHER) -m 'not temporal' \
	    $(filter-out $(ALONE),$(wildcard tests/instrumentation/test_*.py))
	$(BIN)/python -m tests.instrumentation.alone

# The oldest releases that are declared of what it stands on, OpenTelemetry first; what tests need is as new as goes with them.
test-oldest: $(VENV)/.uv
	$(PYTHON) -m venv --clear --without-pip $(VENV)-oldest
	$(UV) pip install --quiet --python $(VENV)-oldest/bin/python --resolution lowest-direct $(OLDEST)
	$(UV) pip install --quiet --python $(VENV)-oldest/bin/python --group test $(OLDEST)
	$(VENV)-oldest/bin/pytest $(TOGETHER) -m '$(ELSEWHERE)' $(CORE)

test-temporal: $(VENV)/.frameworks
	$(BIN)/python -m tests.instrumentation.fetch_temporal
	$(BIN)/python -m tests.instrumentation.alone temporalio

# pymongo against FerretDB, which is built the first time: minutes, and needs Go.
test-mongo: $(VENV)/.test
	$(BIN)/python -m tests.instrumentation.fetch_ferretdb
	$(BIN)/python -m tests.instrumentation.alone pymongo

# Services of workflows with servers of their own, which are large and slow to start.
test-workflows: $(VENV)/.test
	$(BIN)/python -m tests.instrumentation.alone airflow prefect

test-clients: $(VENV)/.test
	$(BIN)/pytest -m clients

# The real coding agents against a scripted model; CHEAP=1 takes two of them, and what matters most.
test-harnesses: $(VENV)/.test
	$(BIN)/python -m tests.harnesses.fetch $(if $(CHEAP),claude codex)
	REQUIRE_HARNESSES=1 $(BIN)/pytest -n 2 -m harnesses $(if $(CHEAP),-k cheap) tests/harnesses

# The first time this builds the Collector from its published modules, with its own builder: minutes, and needs Go.
test-collector: $(VENV)/.test
	$(BIN)/python collector-config/build.py
	$(BIN)/python -m tests.collector.fetch node
	REQUIRE_COLLECTOR=1 $(BIN)/pytest -m collector tests/collector

test-jaeger test-kafka test-clickhouse: $(VENV)/.test
	$(BIN)/python collector-config/build.py
	$(if $(filter test-jaeger test-kafka,$@),$(BIN)/python -m tests.collector.fetch $(@:test-%=%))
	$(if $(filter test-kafka,$@),$(UV) pip install --quiet --python $(BIN)/python confluent-kafka)
	$(if $(filter test-clickhouse,$@),$(UV) pip install --quiet --python $(BIN)/python chdb)
	$(BIN)/pytest -m $(@:test-%=%) tests/collector

# The metrics of the operator in a real Prometheus, its rules by promtool, and the dashboard's questions.
test-prometheus: $(VENV)/.test
	$(BIN)/python -m tests.collector.fetch prometheus
	REQUIRE_COLLECTOR_PROMETHEUS=1 $(BIN)/pytest -m prometheus tests/collector/test_prometheus.py

# Each row of what the page can do, clicked through over the demo's store with a million spans beside it.
test-million: $(VENV)/.test build/million.sqlite
	REQUIRE_MILLION=1 $(BIN)/pytest -m million tests/local

build/million.sqlite: | $(VENV)/.test
	$(BIN)/python -m tests.local.million $@

# SOAK_KILLS, SOAK_FORKS, SOAK_HOSTILE, SOAK_ENVIRONMENTS and SOAK_EXITS say how many of each.
soak: $(VENV)/.test
	$(BIN)/pytest -m soak tests/soak

# Beside its peers, each in an environment of its own, from benchmarks/requirements.
bench: $(VENV)/.dev
	@$(BIN)/python benchmarks/bench.py

bench-stores: $(VENV)/.test
	$(BIN)/python benchmarks/local.py
	$(BIN)/python benchmarks/proxy.py

check: lint types docs $(VENV)/.tested wheels
	@echo 'check: all is well'

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/pyright --pythonpath $(BIN)/python

# A run of all tests that passed on these very files counts, so that `make test check` runs them once.
$(VENV)/.tested: $(SOURCES)
	@$(MAKE) test

coverage: $(VENV)/.test
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TOGETHER) -m '$(ELSEWHERE)'
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

wheels: $(VENV)/.dev
	@rm -rf build dist
	$(UV) build --quiet --all-packages --out-dir dist --python $(BIN)/python --build-constraints constraints.txt
	@for set in core both; do $(UV) venv --quiet --python $(BIN)/python build/$$set || exit 1; done
	@$(UV) pip install --quiet --python build/core/bin/python --constraints constraints.txt dist/otel_agent_telemetry-*.whl
	@$(UV) pip install --quiet --python build/both/bin/python --constraints constraints.txt dist/*.whl
	AGENT_TELEMETRY_WHEELS='$(CURDIR)' REQUIRE_WHEELS=1 $(BIN)/pytest tests/house/test_wheels.py

# A warning, a broken link included, is an error.
docs: $(VENV)/.dev
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --fresh-env --doctree-dir build/doctrees docs build/docs
	@echo 'docs: build/docs/index.html'

# What the page looks like today, for docs/images.
pictures: $(VENV)/.test
	@$(BIN)/python -W ignore -m tests.docs.pictures

lock: $(VENV)/.uv
	@$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate \
	    --custom-compile-command 'make lock' --all-extras --group dev --group frameworks --no-emit-package otel-agent-telemetry \
	    --no-emit-package otel-agent-instrumentation $(ARGS) pyproject.toml instrumentation/pyproject.toml \
	    --output-file constraints.txt
	@touch $(VENV)/.uv
	@$(BIN)/python -m tests.matrix.environments --lock $(if $(ARGS),--upgrade)
	@$(BIN)/python -m tests.instrumentation.alone --lock $(if $(ARGS),--upgrade)
	@$(BIN)/python benchmarks/_environments.py --lock $(if $(ARGS),--upgrade)

# In a copy, whose locks are written anew: what changed is printed first, what breaks by the tests.
newest: $(VENV)/.uv
	@rm -rf build/newest
	@git clone --quiet . build/newest
	@$(MAKE) --no-print-directory -C build/newest lock ARGS=--upgrade
	@git -C build/newest diff --unified=0 --no-color -- '*.txt' | sed -n 's/^\([-+][a-z0-9._-]*==[^ ;]*\).*/\1/p' | sort -u -k1.2
	@$(MAKE) --no-print-directory -C build/newest --keep-going test-frameworks test

LICENCES := Apache;BSD;MIT;ISC;MPL;Mozilla;PSF;Python Software Foundation
UVX := $(BIN)/uvx --quiet --python $(BIN)/python

release: $(VENV)/.dev
	@rm -rf build/release dist/release
	@for time in 1 2; do SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(UV) build --quiet --all-packages \
	    --out-dir build/release/$$time --python $(BIN)/python --build-constraints constraints.txt || exit 1; done
	diff -r build/release/1 build/release/2
	@$(UV) venv --quiet --python $(BIN)/python build/release/env
	@$(UV) pip install --quiet --python build/release/env/bin/python --constraints constraints.txt build/release/1/*.whl
	@mkdir -p dist/release
	@$(UVX) pip-licenses==5.5.5 --python build/release/env/bin/python --partial-match --allow-only '$(LICENCES)' \
	    --output-file dist/release/licences.txt >&2
	@$(UVX) --from cyclonedx-bom==7.5.0 cyclonedx-py environment build/release/env/bin/python --output-reproducible \
	    --of JSON -o dist/release/sbom.cdx.json
	@cp build/release/1/*.whl build/release/1/*.tar.gz dist/release
	@ls dist/release

audit-dependencies: $(VENV)/.uv
	@$(UVX) pip-audit==2.10.1 --requirement constraints.txt --require-hashes --disable-pip

models: $(VENV)/.demo
	@$(BIN)/python -c 'from otel_agent_telemetry.meaning._price_list import write; write()'

schema: $(VENV)/.demo
	@mkdir -p build schema
	@$(BIN)/agent-telemetry schema --format markdown >build/TELEMETRY.md
	@$(BIN)/agent-telemetry schema --format json >build/events.schema.json
	@mv build/TELEMETRY.md TELEMETRY.md
	@mv build/events.schema.json schema/events.schema.json
	@$(BIN)/python docs/reference.py

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .ruff_cache

# One stamp for each step of setting up; a step runs again when a file it depends on is newer.

$(VENV)/.uv: constraints.txt
	@test -n '$(PYTHON)' || { echo 'Python 3.10 or newer is missing; get it with: apt-get install python3' \
	    '(Debian) or: brew install python (macOS)' >&2; exit 1; }
	@echo 'setting up $(VENV): a minute the first time' >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo '$(PYTHON) cannot make a virtual environment; on Debian' \
	    'get what it lacks with: apt-get install python3-venv' >&2; exit 1; }
	@sed -n '/^uv==/,/[^\\]$$/p' constraints.txt >$(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	@touch $@

$(VENV)/.demo: $(VENV)/.uv $(MANIFESTS)
	@$(INSTALL) --group demo $(PACKAGES)
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(INSTALL) --group test $(PACKAGES)
	@touch $@

$(VENV)/.frameworks: $(VENV)/.test
	@$(INSTALL) --group frameworks $(PACKAGES)
	@touch $@

$(VENV)/.dev: $(VENV)/.frameworks
	@$(INSTALL) --group dev $(PACKAGES)
	@touch $@
