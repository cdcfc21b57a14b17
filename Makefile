# The whole project from one place: `make help`. Needs python3 (3.11 or newer) and make; what else is
# missing on Debian is installed by apt when you are root, and named when you are not.

PYTHON ?= python3
HTTPS_PORT ?= 8443
CLOUD_PORT ?= 9443
CENTRE_PORT ?= 9543
VENV := .venv
BIN := $(VENV)/bin
BENCHMARKS := callbacks stages growth idle cluster login_flood
export PYTHON
# The tests start the program some hundred times: without compiled files each start takes a third longer.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run run-https demo test test-fast bench check clean run-packages run-https-packages bench-packages test-packages

help:
	@echo "make run        install into .venv and serve a demonstration, its state in ./var"
	@echo "make run-https  the same behind nginx, over HTTPS, for this machine only"
	@echo "make demo       the whole integration in a browser, with a stand-in for the cloud"
	@echo "make test       install the development tools and run every test; ARGS='-k word' selects"
	@echo "make test-fast  the tests that start no program or server: a contributor's loop, two minutes"
	@echo "make bench      measure this machine, twenty minutes; ARGS=--quick is rough and short"
	@echo "make check      formatting, lint, types, direction of imports"
	@echo "make clean      remove .venv and what the tools left behind; ./var stays"

run: run-packages $(VENV)/.installed
	@$(BIN)/validator init --demo
	@exec $(BIN)/validator serve

run-https: run-https-packages $(VENV)/.installed
	@$(BIN)/validator init --demo --https=$(HTTPS_PORT)
	@exec $(BIN)/validator serve --https=$(HTTPS_PORT)

demo: run-https-packages $(VENV)/.installed
	@exec $(BIN)/validator demo --https=$(HTTPS_PORT) --cloud-port=$(CLOUD_PORT) --centre-port=$(CENTRE_PORT)

test: test-packages $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: run-packages $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ARGS) tests/unit tests/http tests/cli tests/architecture

bench: bench-packages $(VENV)/.installed
	@failed=; for each in $(BENCHMARKS); do \
		echo "== $$each"; $(BIN)/python -m benchmarks.$$each $(ARGS) || failed="$$failed $$each"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

check: run-packages $(VENV)/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) dist build .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

run-packages:
	@sh tests/packages run

run-https-packages:
	@sh tests/packages run-https

bench-packages:
	@sh tests/packages bench

test-packages:
	@sh tests/packages test

# An environment whose pip does not start (half made, or of a Python since removed) is made anew.
$(VENV)/.installed: pyproject.toml
	@echo "Installing into $(VENV): once, about a minute"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --no-input --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --no-input --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the development tools into $(VENV): once, about a minute"
	@$(BIN)/python -m pip install --quiet --no-input --editable '.[postgres,redis]' --group dev
	@touch $@
