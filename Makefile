# One command does everything: `make reproduce` (the papers' figures and report) or `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: reproduce test test-light coverage lint bench docs wheel clean

reproduce: $(READY)
	$(BIN)/mutau reproduce all -o results

test: $(READY)
	$(BIN)/python -m pytest

# All that needs no compiled kernels, in about a minute.
test-light: $(READY)
	$(BIN)/python -m pytest -m "not compiled"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Lines that the light tests reach, and with kernels as Python those of tests/interpreted.txt; fails
# below the floors of tests/coverage_floor.py.
coverage: $(READY)
	rm -f .coverage
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest --cov --cov-report= @tests/interpreted.txt
	$(BIN)/python -m pytest -m "not compiled" --cov --cov-append --cov-report=
	$(BIN)/python tests/coverage_floor.py

# One table of speeds; `make bench BENCH="tracking stats"` for a part of it.
bench: $(READY)
	$(BIN)/python benchmarks/run.py $(BENCH)

docs: $(READY)
	$(BIN)/python docs/build.py

# The wheel, installed alone into a clean environment and used from another folder.
wheel: $(READY)
	$(BIN)/python tests/wheel_alone.py

# One set-up for all: tests and linters add seconds to what figures and event files need anyway, and
# a second environment would have to be kept in step with the pins.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "'$(PYTHON)' is no Python >= 3.11; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[plot,io,stats,atomic,dask,docs,browser,test,lint]'
	touch $(READY)

clean:
	rm -rf $(VENV) results site dist build
