# The only entry point: `make help` lists what it does.
# One thread per process: two processes with two OpenMP threads each are five times slower on two cores.
export OMP_NUM_THREADS = 1
PYTHON ?= python3
BIN = .venv/bin

.PHONY: help book test notebooks lint unit nbval site-test benchmarks reproduce lock clean
.DEFAULT_GOAL = help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

# The stamp is written last: an interrupted installation is started again.
.venv/.installed: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
