# make install   .venv with everything the tests need
# make demo      audits a heart-disease model on four hospitals; look in out/
# make test      lint, types, tests
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The tests start many processes: without bytecode each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; say `make PYTHON=...` to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$p; break; fi; done)

.PHONY: install demo lint test test-all bench clean

install: $(STAMP)

# setuptools comes from the constraints too, so that the build is as reproducible as the rest.
$(STAMP): pyproject.toml constraints.txt scripts/system-libraries.sh
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found" >&2; exit 1; }
	@scripts/system-libraries.sh "$(PYTHON)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@echo "installing into $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet -c constraints.txt --upgrade pip setuptools
	@$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e ".[test]"
	@$(BIN)/python -c 'from audit.warm_up import warm_up; warm_up()'
	@touch $@

demo: install
	$(BIN)/equipoise demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy

# There is a worker for each core: threads of their own would only wait for one another.
test test-all: export OMP_NUM_THREADS := 1

# In the order of the folders: by number of tests the few that take a minute each would come last.
test: lint
	@scripts/test-tools.sh
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not simulation and not browser"

test-all: lint
	@scripts/test-tools.sh browser
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

bench: install
	@for name in help_time checklists_time demo_time dossier_time gate_time table; do $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf $(VENV) build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
