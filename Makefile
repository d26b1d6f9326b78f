# Every target sets up .venv by itself; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# The first interpreter that is 3.11 or 3.12 (causalml has no wheels beyond); name one with PYTHON=…
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
# A workspace of its own for the notebook checks: small shop, nothing of yours is touched.
CHECKED := $(CURDIR)/build/nbval
CHECKED_CUSTOMERS := 3000
PARALLEL ?= 2
# Kernels start several times faster when compiled modules are kept, whatever the shell around says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed and was not found; install it or name it: make PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(STAMP)  ## Make the environment (.venv) from the lock file

.PHONY: run
run: $(STAMP) exports/demo/links/links.csv  ## Write the simulated shop and run every notebook on it
	@$(BIN)/retention run demo --parallel $(PARALLEL)

exports/demo/links/links.csv: | $(STAMP)
	@$(BIN)/retention demo

.PHONY: git-tools
git-tools: $(STAMP)  ## Teach this checkout to diff, merge and strip notebooks, and to check each commit
	@.ci/git-tools.sh $(BIN)

.PHONY: lab
lab: $(STAMP)  ## Open JupyterLab on the same environment
	@$(BIN)/jupyter lab notebooks

.PHONY: test
test: lint types layers generated unit nbval  ## Everything that CI checks

.PHONY: test-quick
test-quick: $(STAMP)  ## Unit tests without the slow ones
	@$(BIN)/pytest -q -n 2 --dist loadscope -m "not slow and not shops and not realdata"

.PHONY: unit
unit: $(STAMP)  ## Unit tests, slow and real-data ones included, but for the whole shops
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadscope -m "not shops"

.PHONY: test-shops
test-shops: $(STAMP)  ## Small and random shops end to end through all notebooks, a minute each
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 -m shops tests/shops tests/zoo

.PHONY: test-processors
test-processors: $(STAMP)  ## The numerical suites under other processors' kernels, with one and two threads (slow)
	@.ci/test-processors.sh $(BIN)

# The main environment with PySpark on top, so that both engines see the same of everything else.
SPARK  := .venv-spark
$(SPARK)/.installed: $(STAMP) requirements-spark.lock
	@$(BIN)/python -m venv --clear $(SPARK)
	@$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements-spark.lock
	@echo "import site; site.addsitedir('$$(echo $(CURDIR)/$(VENV)/lib/python3*/site-packages)')" \
		> $$(echo $(SPARK)/lib/python3*/site-packages)/main_environment.pth
	@touch $@

.PHONY: test-spark
test-spark: $(SPARK)/.installed  ## Hold Spark's answers against DuckDB's (installs Java 17 by apt where it is missing)
	@command -v java >/dev/null || { apt-get update -qq && apt-get install -y -qq openjdk-17-jre-headless; }
	@JDK_JAVA_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" OMP_NUM_THREADS=1 \
		$(SPARK)/bin/python -m pytest -q -m spark tests/spark

.PHONY: test-r
test-r: $(STAMP)  ## The same survival analyses in R (installs it by apt where it is missing)
	@Rscript -e 'library(survival)' >/dev/null 2>&1 || { apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends r-base-core r-cran-survival; }
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q tests/survival/test_against_r.py

.PHONY: nbval
nbval: $(STAMP)  ## Check every notebook with nbval on a small shop, and the golden one strictly
	@rm -rf $(CHECKED) && mkdir -p $(CHECKED)
	@RETENTION_ROOT=$(CHECKED) $(BIN)/retention demo --customers $(CHECKED_CUSTOMERS)
	@RETENTION_ROOT=$(CHECKED) $(BIN)/retention run demo --parallel $(PARALLEL)
	@RETENTION_ROOT=$(CHECKED) OMP_NUM_THREADS=1 $(BIN)/pytest -q --nbval-lax --nbval-current-env --nbval-cell-timeout=600 \
		-n 2 --dist loadscope notebooks
	@$(BIN)/pytest -q --nbval --nbval-current-env --nbval-sanitize-with tests/golden/sanitize.cfg tests/golden

# The browser tests drive the installed Chromium; what they need beside it lives in .venv-browser.
BROWSER := .venv-browser
$(BROWSER)/.installed: tests/browser/requirements.lock | $(STAMP)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; } || \
		{ echo "Chromium is needed: install it, then run this again"; exit 1; }
	@command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq npm; } || \
		{ echo "npm is needed: install it, then run this again"; exit 1; }
	@rm -rf $(BROWSER) && mkdir -p $(BROWSER)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		--target $(BROWSER)/site -r tests/browser/requirements.lock
	@cp tests/browser/package.json tests/browser/package-lock.json $(BROWSER)/
	@cd $(BROWSER) && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(CHECKED)/outputs/demo/latest: | $(STAMP)
	@mkdir -p $(CHECKED)
	@RETENTION_ROOT=$(CHECKED) $(BIN)/retention demo --customers $(CHECKED_CUSTOMERS)
	@RETENTION_ROOT=$(CHECKED) $(BIN)/retention run demo --parallel $(PARALLEL)

.PHONY: test-browser
test-browser: $(STAMP) $(BROWSER)/.installed | $(CHECKED)/outputs/demo/latest  ## Every page in headless Chromium: errors, keyboard, axe, print, phone
	@RETENTION_ROOT=$(CHECKED) PYTHONPATH=$(BROWSER)/site $(BIN)/pytest -q tests/browser

AIRFLOW := .venv-airflow
$(AIRFLOW)/.installed: deploy/airflow/requirements.lock | $(STAMP)
	@rm -rf $(AIRFLOW) && $(PYTHON) -m venv $(AIRFLOW)
	@$(AIRFLOW)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r deploy/airflow/requirements.lock
	@$(BIN)/python -m ipykernel install --prefix $(AIRFLOW) --name retention --display-name Retention \
		--env OMP_NUM_THREADS 1 --env OPENBLAS_NUM_THREADS 1 --env MKL_NUM_THREADS 1 --env PYTHONHASHSEED 0
	@touch $@

.PHONY: airflow
airflow: $(STAMP) $(AIRFLOW)/.installed  ## Make Airflow's own environment and give it our kernel

.PHONY: test-airflow
test-airflow: airflow  ## Parse the DAG and execute one run of it in a real Airflow
	@$(BIN)/pytest -q tests/deploy/test_airflow.py

# Random shops with known truth; the generator lies outside the repository.
ZOO ?= $(or $(RETENTION_ZOO),$(CURDIR)/../shared/zoo)
ZOO_SEEDS ?= 1-40
ZOO_ORDERS ?= 300
.PHONY: zoo
zoo: $(STAMP)  ## Take random shops from raw files to a report and hold it against their truth (long)
	@test -f $(ZOO)/try_shops.py || { echo "No shops at $(ZOO): set RETENTION_ZOO to the folder that holds try_shops.py"; exit 1; }
	@OMP_NUM_THREADS=1 $(BIN)/python $(ZOO)/try_shops.py --project $(CURDIR) --seeds $(ZOO_SEEDS) \
		--max-orders $(ZOO_ORDERS) --jobs 2

.PHONY: lint
lint: $(STAMP)  ## Style of code and notebooks
	@$(BIN)/ruff check lib tests notebooks benchmarks deploy
	@$(BIN)/ruff format --check deploy lib tests notebooks benchmarks

.PHONY: types
types: $(STAMP)  ## Type check
	@$(BIN)/mypy

.PHONY: layers
layers: $(STAMP)  ## Imports point downwards only
	@$(BIN)/lint-imports

.PHONY: generated
generated: $(STAMP)  ## Generated files agree with what they are made from
	@$(BIN)/python -m benchmarks.validate --check
	@$(BIN)/python -m benchmarks.bench --check
	@$(BIN)/python -m benchmarks.scale_cost --check
	@$(BIN)/retention dictionary --check

.PHONY: format
format: $(STAMP)  ## Format code and notebooks
	@$(BIN)/ruff check --fix lib tests notebooks benchmarks
	@$(BIN)/ruff format lib tests notebooks benchmarks

.PHONY: validate
validate: $(STAMP)  ## Hold every estimator against known truth (long); writes benchmarks/validity.json
	@$(BIN)/python -m benchmarks.validate

.PHONY: bench
bench: $(STAMP)  ## Speed against peers in one run (long); writes benchmarks/speed.json
	@$(BIN)/python -m benchmarks.bench

.PHONY: bench-quick
bench-quick: $(STAMP)  ## The same on small data, under five minutes
	@$(BIN)/python -m benchmarks.bench --quick

.PHONY: lock
lock: $(STAMP)  ## Compile requirements.lock from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--extra dev --python-version 3.11 pyproject.toml -o requirements.lock

.PHONY: clean
clean:  ## Remove what runs and checks left behind; exports and keys stay
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache outputs/*/ outputs/index.html
