# On a fresh machine: `make test` and `make demo` make a virtual environment and install into it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UPSTREAM_VENV ?= .venv-upstream
UPSTREAM_BIN := $(UPSTREAM_VENV)/bin
UPSTREAM := -c requirements/tested_upstream.txt
DEMO_DIR ?= work_dirs/demo

.PHONY: install test lint demo test-upstream clean

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
	$(BIN)/mypy

demo: install
	$(BIN)/python tools/demo.py $(DEMO_DIR) $(DEMO_FLAGS)

# Optional: the same tests on upstream's mmengine, mmcv and mmsegmentation. mmcv has no wheel for
# today's torch: it is compiled here, once, which takes a C++ compiler and a quarter of an hour.
test-upstream: $(UPSTREAM_BIN)/.installed
	$(UPSTREAM_BIN)/python -m pytest -n auto

$(UPSTREAM_BIN)/.installed: setup.py requirements/tested_upstream.txt
	$(PYTHON) -m venv $(UPSTREAM_VENV)
	$(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) torch setuptools wheel ninja psutil
	MMCV_WITH_OPS=1 $(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) \
	    --no-build-isolation --no-binary mmcv mmcv
	$(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) -e ".[upstream,tests]"
	touch $@

clean:
	rm -rf $(VENV) $(UPSTREAM_VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
