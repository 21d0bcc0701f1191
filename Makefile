# On a fresh machine: `make test` and `make demo` make a virtual environment and install into it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_DIR ?= work_dirs/demo

.PHONY: install test lint demo clean

install: $(BIN)/.installed

$(BIN)/.installed: setup.py requirements/tested.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c requirements/tested.txt -e ".[onedl,tests]"
	touch $@

test: install
	$(BIN)/python -m pytest -n auto

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

demo: install
	$(BIN)/python tools/demo.py $(DEMO_DIR) $(DEMO_FLAGS)

clean:
	rm -rf $(VENV) build dist *.egg-info
