# make train [ARGS="method=baseline seed=3"]   train; sets everything up first
# make test                                    lint, types and tests
# make data                                    only the tests of real MNIST and CIFAR-10
# make coverage                                lines of the package that no test runs in its own process
# make docs                                    the documentation site, in site/
# make setup                                   .venv with what the commands need, at pinned versions
# make dev                                     and with what the tests and the documentation need

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2

.PHONY: setup dev train test lint types unit shapes data coverage other-processor docs lock
.DEFAULT_GOAL := setup

setup: .venv/installed
dev: .venv/developed

.venv/bin/python:
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "Python 3.11 to 3.13 is needed, this is " + sys.version'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(call install,.)
	touch $@

# What the commands need comes with it, in one go: pip resolves everything at every call.
.venv/developed: pyproject.toml constraints.txt | .venv/bin/python
	$(call install,.[dev])
	touch .venv/installed $@

# Without a GPU, PyTorch's builds without CUDA are taken where their index can be reached: a tenth of the download.
# Nothing is compiled before it is imported: of 24,000 files most never are. What is compiled then must be kept.
unexport PYTHONDONTWRITEBYTECODE
CPU_BUILDS = https://download.pytorch.org/whl/cpu
define install
	if ! command -v nvidia-smi >/dev/null && $(PYTHON) -c 'from urllib.request import urlopen; urlopen("$(CPU_BUILDS)/torch/", timeout=5)' 2>/dev/null; \
	then cpu='--extra-index-url $(CPU_BUILDS)'; fi; \
	.venv/bin/python -m pip install --quiet --no-compile $$cpu --constraint constraints.txt --editable '$(1)'
endef

train: setup
	.venv/bin/homotopy-train $(ARGS)

# Some tests wait for servers and other processes: types and shapes are checked meanwhile.
test: lint
	$(MAKE) -j 2 unit types shapes

lint: dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports

types: dev
	.venv/bin/mypy

# The shapes in the types of tensors, checked at every call of some tests that reach all of them.
SHAPED = tests/ensemble tests/training/test_shapes.py tests/training/test_penalty.py tests/training/test_scores.py \
	tests/training/test_path_following.py tests/curvature/test_krylov.py tests/curvature/test_control.py
shapes: dev
	OMP_NUM_THREADS=1 HOMOTOPY_BENCH_SHAPES=1 .venv/bin/python -m pytest -q $(SHAPED)

# All others. One thread per worker: the workers already share the cores.
unit: dev
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal $(addprefix --ignore=,$(SHAPED))

# Only the tests of real data, which must be under HOMOTOPY_BENCH_DATA.
data: dev
	OMP_NUM_THREADS=1 HOMOTOPY_BENCH_REQUIRE=mnist,cifar10,shakespeare .venv/bin/python -m pytest -n $(WORKERS) -m data tests

# Without those of other processes, which many tests start.
coverage: dev
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term-missing:skip-covered

# Tests that compare floats, with the last digits of a processor without vector units.
FLOATS = tests/precision/test_bounds.py tests/optim/test_lbfgs.py tests/models tests/curvature tests/training/test_path_following.py
other-processor: dev
	OMP_NUM_THREADS=1 ATEN_CPU_CAPABILITY=default .venv/bin/python -m pytest -n $(WORKERS) -m 'not slow and not data' \
		$(FLOATS) tests/sweeps/test_sweeps.py::test_the_best_setting_is_an_experiment

# Warnings are errors, links and anchors are checked; the build needs no network.
docs: dev
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict

# The pins, made anew from an environment whose tests pass.
lock: dev
	.venv/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
