# The only entry point: `make help` lists what it does.
# One thread per process: two processes with two OpenMP threads each are five times slower on two cores.
export OMP_NUM_THREADS = 1
PYTHON ?= python3
# One more than the cores of a small machine: tests also wait, for kernels and for the browser.
WORKERS ?= 3
BIN = .venv/bin
# Kernels run in chapters/, so a relative folder would be another one there.
ifdef COURSE_DATA_DIR
export COURSE_DATA_DIR := $(abspath $(COURSE_DATA_DIR))
endif

.PHONY: help book test assignment grade named notebooks lint unit nbval site-test linkcheck benchmarks reproduce elsewhere lock clean
.DEFAULT_GOAL = help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

# The stamp is written last: an interrupted installation is started again.
.venv/.installed: requirements.txt requirements-no-deps.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv --upgrade-deps .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-no-deps.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

book: .venv/.installed notebooks ## execute what changed and build the site into _build/html
	$(BIN)/jupyter-book build -W -n --keep-going .
	@echo "The book is in _build/html/index.html"

test: .venv/.installed lint unit nbval site-test ## run everything that keeps the book true

assignment: named .venv/.installed ## write notebooks, rubric and autograder of NAME=optimizers
	$(BIN)/python -m grading assignment "$(NAME)"

GRADE_OPTIONS = $(if $(ROSTER),--roster "$(ROSTER)") $(if $(COLUMN),--column "$(COLUMN)") \
	$(if $(JOBS),--jobs "$(JOBS)") $(if $(STUDENT),--student "$(STUDENT)") \
	$(if $(SANDBOX),--sandbox "$(SANDBOX)") $(if $(OUT),--out "$(OUT)")
grade: named .venv/.installed ## grade SUBMISSIONS=folder-or-zip of NAME=optimizers [ROSTER=, JOBS=, STUDENT=]
	@test -n "$(SUBMISSIONS)" || { echo "say what to grade: SUBMISSIONS=folder or SUBMISSIONS=file.zip" >&2; exit 2; }
	$(BIN)/python -m grading grade "$(NAME)" "$(SUBMISSIONS)" $(GRADE_OPTIONS)

named:
	@test -n "$(NAME)" || { echo "name an assignment: NAME=... (there are: $(basename $(notdir $(wildcard assignments/*.yml))); or a path)" >&2; exit 2; }

notebooks: .venv/.installed ## write chapters/*.ipynb anew from chapters/*.md
	$(BIN)/python -m book.notebooks

lint: .venv/.installed ## style, types, and notebooks that match their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m book.notebooks --check
	$(BIN)/python tools/restamp.py --check

unit: .venv/.installed ## unit tests, several at a time
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -q --ignore=tests/test_site.py

nbval: .venv/.installed ## execute every notebook; the book takes its outputs from this run
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -q --nbval-lax --nbval-cell-timeout=300 chapters

site-test: book ## the built site in a real browser
	$(BIN)/pytest -n 2 --dist loadgroup -q tests/test_site.py

reproduce: .venv/.installed ## execute everything twice and compare the outputs strictly
	$(BIN)/python -m tools.reproduce

elsewhere: .venv/.installed ## execute everything with other rounding: claims must still hold
	$(BIN)/python -m tools.elsewhere

linkcheck: .venv/.installed notebooks ## try every link to another host
	$(BIN)/jupyter-book build --builder linkcheck .

benchmarks: .venv/.installed ## timings, as ratios against a peer in the same run
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

lock: .venv/.installed ## newest versions into requirements.txt (then run `make test`)
	$(BIN)/python -m tools.lock

clean: ## remove everything that was built
	rm -rf _build .cache .venv .venv-*
