# One command for each thing one does here; `make help` lists them. All of them set up what they need in .venv.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test style lint types layers pytest docs tutorials format bench clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED)  ## create .venv with the pinned requirements and the package

# The stamp is written last: an installation that was interrupted is taken up again.
$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || \
		{ echo "Python 3.9 or newer is needed; name one with: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "pip>=23.1"
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED)  ## fit, prune, plot and read the formula of the hello example
	$(BIN)/python tutorials/demo.py

test: style lint types layers pytest docs  ## all checks: style, lint, types, layers, tests, notebooks, doctests, docs

style: $(INSTALLED)  ## check the formatting
	$(BIN)/ruff format --check .

lint: $(INSTALLED)  ## check names, docstrings and likely bugs
	$(BIN)/ruff check .

types: $(INSTALLED)  ## check the type hints
	$(BIN)/mypy

layers: $(INSTALLED)  ## check that each package imports only from the rows below it
	$(BIN)/lint-imports

# Test workers run side by side, so each computes with one thread.
pytest: export OMP_NUM_THREADS = 1
pytest: $(INSTALLED)  ## run the tests, the notebooks and the docstrings' examples, with coverage
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --cov --cov-report=term-missing:skip-covered

docs: $(INSTALLED)  ## build the documentation, docs/_build/html/index.html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going --quiet docs docs/_build/html

tutorials: $(INSTALLED)  ## execute all notebooks in place; `tutorials/execute.py NAME` executes one
	$(BIN)/python tutorials/execute.py

format: $(INSTALLED)  ## format the code and mend what can be mended automatically
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# Peers are named by PYKAN_PYTHON, EFFICIENT_KAN and FASTKAN; benchmarks/README.md says where to get them.
bench: $(INSTALLED)  ## time the hello example and layers of all sizes, beside other libraries where they are named
	$(BIN)/python benchmarks/hello.py
	$(BIN)/python benchmarks/layers.py

clean:  ## remove the virtual environment, caches and builds
	rm -rf $(VENV) build dist docs/_build docs/_tutorials *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
