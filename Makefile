# Two commands do everything, set-up included: `make demo` and `make test`. `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check format lint types contracts bench clean

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/delight playbook build
	$(BIN)/delight demo

test: $(READY)
	$(BIN)/delight playbook build
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

check: format lint types contracts test

format: $(READY)
	$(BIN)/ruff format --check copilot tests scripts benchmarks

lint: $(READY)
	$(BIN)/ruff check copilot tests scripts benchmarks

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks.desk
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.drafting
	$(BIN)/python -m benchmarks.web

clean:
	rm -rf $(VENV) .demo index/encoder index/builds index/current.json
