# Every target makes .venv first if there is none. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
HOME_DIR ?= $(CURDIR)/trabecula_home
PERSONS ?= 4000

.PHONY: venv demo test test-slow bench ui lint types docs clean
.DEFAULT_GOAL := test

venv: $(STAMP)

# uv where it is there and works, else venv and pip; the lock is complete, so nothing is resolved.
$(STAMP): requirements.lock pyproject.toml
	@if uv --version >/dev/null 2>&1 && uv venv -q --allow-existing --python $(PYTHON) .venv; then \
	  uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements.lock && \
	  uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv .venv || { echo "python venv is missing: apt-get install -y python3-venv"; exit 1; }; \
	  $(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(STAMP)

demo: venv
	$(BIN)/trabecula demo --persons $(PERSONS) --home $(HOME_DIR)

# What lint has run is not run again.
test: lint
	$(BIN)/pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder --ignore=tests/test_architecture.py

test-slow: venv
	$(BIN)/pytest -m slow

bench: venv
	$(BIN)/trabecula bench --persons 10000 --persons 100000 --json bench.json --plot bench.png
	$(BIN)/python docs/benchmarks/person_time.py --persons 100000 --rows 500000 > bench_person_time.json
	$(BIN)/python docs/benchmarks/propensity.py --persons 100000 > bench_propensity.json
	$(BIN)/python docs/benchmarks/straightforward.py --persons 3000 --scratch bench_scratch > bench_straightforward.json

ui: venv
	$(BIN)/trabecula ui --home $(HOME_DIR)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check -q pipelines expectations assets
	$(BIN)/lint-imports
	$(BIN)/python deploy/sbom.py --check
	$(BIN)/python deploy/audit.py
	$(BIN)/pytest tests/test_architecture.py

docs: venv
	$(BIN)/python -m pipelines.dictionary > docs/data-dictionary.md
	$(BIN)/python -m pipelines.feature_dictionary > docs/feature-dictionary.md
	$(BIN)/python docs/validation.py
	$(BIN)/python docs/column_lineage.py
	$(BIN)/python docs/query_tables.py
	$(BIN)/python deploy/sbom.py

clean:
	rm -rf .venv trabecula_home
