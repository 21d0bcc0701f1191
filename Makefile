# On a fresh machine: `make test` and `make demo` make a virtual environment and install into it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UPSTREAM_VENV ?= .venv-upstream
UPSTREAM_BIN := $(UPSTREAM_VENV)/bin
UPSTREAM := -c requirements/tested_upstream.txt
TIMM_VENV ?= .venv-timm
TIMM_BIN := $(TIMM_VENV)/bin
DEMO_DIR ?= work_dirs/demo

.PHONY: install test lint docs demo test-timm test-upstream clean

install: $(BIN)/.installed

$(BIN)/.installed: setup.py requirements/tested.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c requirements/tested.txt -e ".[onedl,tests]"
	touch $@

test: install
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages of docs/ and an API reference, as a site in docs/_build; a warning or a broken link is an error.
docs: install
	$(BIN)/python -m pip install --quiet -c requirements/tested.txt -e ".[onedl,docs]"
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env -c docs . docs/_build

demo: install
	$(BIN)/python tools/demo.py $(DEMO_DIR) $(DEMO_FLAGS)

# The tests of TimmBackbone, in an environment of their own: timm wants a torchvision, and that its
# own release of torch.
test-timm: $(TIMM_BIN)/.installed
	$(TIMM_BIN)/python -m pytest -m timm

$(TIMM_BIN)/.installed: setup.py requirements/tested_timm.txt
	$(PYTHON) -m venv $(TIMM_VENV)
	$(TIMM_BIN)/python -m pip install --quiet -r requirements/tested_timm.txt \
	    -e ".[onedl,timm,lora,tests]"
	touch $@

# Optional: the same tests on upstream's mmengine, mmcv and mmsegmentation. mmcv has no wheel for
# today's torch: it is compiled here, once, which takes a C++ compiler and a quarter of an hour.
test-upstream: $(UPSTREAM_BIN)/.installed
	$(UPSTREAM_BIN)/python -m pytest -n auto --dist worksteal

$(UPSTREAM_BIN)/.installed: setup.py requirements/tested_upstream.txt
	$(PYTHON) -m venv $(UPSTREAM_VENV)
	$(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) torch setuptools wheel ninja psutil
	MMCV_WITH_OPS=1 $(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) \
	    --no-build-isolation --no-binary mmcv mmcv
	$(UPSTREAM_BIN)/python -m pip install --quiet $(UPSTREAM) -e ".[upstream,tests]"
	touch $@

clean:
	rm -rf $(VENV) $(UPSTREAM_VENV) $(TIMM_VENV) docs/_build docs/api build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
