# Every target first makes ./.venv from the lock if it is missing or older than the lock; VENV=/other/place, there.
# Its programs are started by `python -m`: the first line of a script can hold no long path, nor one with quotes.
PYTHON ?= python3
VENV ?= .venv
# For a machine without a GPU: the address of PyTorch's wheels for CPUs, which come without 4 GB of CUDA. Linux.
TORCH_INDEX ?=
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One process per core, whose libraries have that core for themselves.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# Config files of one's own, laid over each other; without any the demonstration runs.
CONFIG ?=
# Directories with results that claims are decided from, of several runs together.
RESULTS ?= results
# Directories in which Snakemake was run, that prices of jobs are taken from.
RUNS ?= .
SNAKEMAKE := $(BIN)/python -m snakemake --profile profiles/local $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: help setup figures plan costs pictures report archive verify claims settings docs unlock unchanged
.PHONY: test test-long test-slurm test-browser bench gpu lint lock
.DELETE_ON_ERROR:

setup: $(READY)

help:
	@echo "make figures  [CONFIG=config/mine.yaml]   all figures, in results/figures"
	@echo "make plan     [CONFIG=...]                what all figures would take: jobs, time, memory, disk"
	@echo "make pictures [RESULTS=results]           pictures of the documents, from figures that were drawn"
	@echo "make report   [CONFIG=...]                figures with captions in one file, results/report.zip"
	@echo "make archive  [CONFIG=...]                cubes, figures, config and source in results/archive"
	@echo "make verify ARCHIVE=... [CONFIG=...]      check an archive, and what differs from here"
	@echo "make claims [RESULTS=results]             what is said, decided from cubes, in docs/claims.md"
	@echo "make settings [CONFIG=...]                settings in force, and where each of them comes from"
	@echo "make docs                                 all documents as a book to read, in results/docs/index.html"
	@echo "make unlock   [CONFIG=...]                after Snakemake was killed"
	@echo "make costs RUNS=...                       measure anew what jobs take, from finished runs"
	@echo "make unchanged MODULE=... WHY=...         say that an edit of a module changes no number"
	@echo "make gpu      [ARGUMENTS=--anew]          what a GPU at hand computes, and how fast, in results/gpu"
	@echo "make test, test-slurm, test-browser, test-long, lint, bench"

figures: $(READY)
	@test -n "$(CONFIG)" || echo "The demonstration; first of all there is results/figures/digits/trainability_map.png"
	$(SNAKEMAKE) -- all_figures

# What that would take, without running it.
plan: $(READY)
	@$(BIN)/python -m infoflow.cli plan --profile profiles/local $(if $(CONFIG),--configfile $(CONFIG)) -- all_figures

# Prices of jobs, from finished runs: RUNS="directory another/directory".
costs: $(READY)
	@$(BIN)/python -m infoflow.measure $(RUNS)

# Of the documents, from the figures of runs: RESULTS="results another/results".
pictures: $(READY)
	@$(BIN)/python -m infoflow.figures.pictures $(RESULTS)

# After `make figures`.
report: $(READY)
	$(SNAKEMAKE) --report results/report.zip --report-stylesheet workflow/report/report.css -- all_figures

archive: $(READY)
	$(SNAKEMAKE) -- archive

verify: $(READY)
	@test -n "$(ARCHIVE)" || { echo "error: name the archive: make verify ARCHIVE=results/archive/<name>.zip" >&2; exit 1; }
	@$(BIN)/python -m infoflow.archive.verify $(if $(CONFIG),--config $(CONFIG)) -- "$(ARCHIVE)"

# Fails if a verdict is another one than is recorded in workflow/claims.
claims: $(READY)
	@$(BIN)/python -m infoflow.studies.claims.check $(RESULTS) --write docs/claims.md

settings: $(READY)
	@$(BIN)/python -m infoflow.config.show $(if $(CONFIG),--configfile $(CONFIG))

# Warnings are errors; nothing is fetched.
docs: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -q -W --keep-going -b html -d results/docs/.doctrees -c docs . results/docs
	@echo "results/docs/index.html"

unlock: $(READY)
	$(SNAKEMAKE) --unlock

unchanged: $(READY)
	@$(BIN)/python -m infoflow.jobs.unchanged "$(MODULE)" "$(WHY)"

test: $(READY)
	$(TEST) -n logical --maxprocesses 8 --dist worksteal

# 500 points of whose jobs some are killed: about 5 minutes on two cores.
test-long: $(READY)
	$(TEST) -m long

# On a SLURM that is started for it: Debian or Ubuntu, as root, in a container rather than on a cluster.
test-slurm: $(READY)
	$(BIN)/python tests/slurm_cluster.py install
	$(TEST) -m slurm

# In a Chromium that is installed for it: Debian or Ubuntu, as root. Half a minute.
test-browser: $(READY)
	$(BIN)/python tests/chromium.py install
	$(TEST) -m browser

# About an hour on two cores; needs MNIST. tests/benchmarks/README.md has the tables.
bench: $(READY)
	$(BIN)/python tests/benchmarks/ising.py
	$(BIN)/python tests/benchmarks/information.py
	$(BIN)/python tests/benchmarks/engine.py
	$(BIN)/python tests/benchmarks/kernel.py
	$(BIN)/python tests/benchmarks/boundary.py
	$(BIN)/python tests/benchmarks/arithmetic.py
	$(BIN)/python tests/benchmarks/coverage.py
	$(BIN)/python tests/benchmarks/workflow.py
	$(BIN)/python tests/benchmarks/capture.py
	$(BIN)/python tests/benchmarks/spoiled.py
	$(BIN)/python tests/benchmarks/repair.py
	$(BIN)/python tests/benchmarks/mechanisms.py
	$(BIN)/python tests/benchmarks/regression.py
	$(BIN)/python tests/benchmarks/published.py --directory results/published

# Ten minutes at most, without MNIST; what is done is not run again. ARGUMENTS="--device cpu" tries the script itself.
gpu: $(READY)
	@$(BIN)/python tests/benchmarks/gpu.py $(ARGUMENTS)

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m snakefmt --check Snakefile workflow
	$(BIN)/python -m snakemake --lint

# Resolve envs/requirements.in again; the one lock serves Python 3.11 and newer.
lock: $(READY)
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links envs/requirements.in --output-file envs/requirements.lock

$(READY): envs/requirements.lock pyproject.toml
	@case "$$(pwd)" in *[{}]*) \
		echo "error: $$(pwd): Snakemake takes what is in braces for a variable; move the checkout to another path" >&2; \
		exit 1;; \
	esac
	@test "$$(pwd)" = "$$(pwd | head -n 1)" \
		|| { echo "error: there is a line break in the path of this folder; move the checkout to another path" >&2; exit 1; }
	@case "$(VENV):$$(pwd)" in .venv:*[:$$]*) \
		printf 'error: %s: no Python can be installed into a path with a $$ or a colon; %s\n' "$$(pwd)" \
			"name another place with make VENV=/other/place, in every call" >&2; \
		exit 1;; \
	esac
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; name it with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "error: $(PYTHON) cannot make virtual environments; install its venv package (Debian: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed -E -e '' $(if $(TORCH_INDEX),-e '/^(cuda|nvidia|triton)/d' -e 's/^(torch|torchvision)==([0-9.]+)/\1==\2+cpu/') \
		envs/requirements.lock > $(VENV)/requirements.txt
	$(if $(TORCH_INDEX),PIP_EXTRA_INDEX_URL="$(TORCH_INDEX) $$PIP_EXTRA_INDEX_URL") \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
