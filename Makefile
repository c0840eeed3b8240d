PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
THREADS ?= 2
export OMP_NUM_THREADS ?= $(THREADS)
export WANDB_MODE ?= offline

.PHONY: demo test lint docs format bench install clean

# two processes of one thread each: threads of one process mostly wait for each other on networks this small
demo: export OMP_NUM_THREADS = 1
demo: install ## the main job: sweep, compare, report, export
	$(BIN)/weightloom sweep demo --name demo --overwrite --workers $(WORKERS) --cpus 1

test: install ## all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

lint: install ## ruff, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install ## the documentation site, into build/site; strict about links, no request to a foreign host
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## every benchmark, one after another, beside other packages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,mnist1d,postgresql,peers]'
	$(BIN)/python -m benchmarks

install: $(VENV)/installed

# torch first and by itself: so pip takes one plain build of it and never a second
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,mnist1d,postgresql,ray,slurm,dashboard]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
