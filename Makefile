# Everything runs in a private .venv, made here on first use. Works with GNU make from 3.81 on.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help pool test check trial diff bench simulate calibrate lock clean distclean

UV       = uv
PY       = .venv/bin/python
NEN_META = $(PY) -m meta
ROOT_OPT = $(if $(ROOT),--root "$(ROOT)")
SUITABLE = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "  PYTHON=/path/to/python3.12 chooses the interpreter of the first set-up; uv is used if it is on PATH."

pool: .venv/.installed ## pool the trials: tables, figures, report in out/   [ANALYSES="…"] [ROOT=dir]
	@$(NEN_META) pool $(ROOT_OPT) $(ANALYSES)

test: .venv/.installed-dev ## run the tests   [ARGS="-k … -m 'not slow'"]
	@$(PY) -m pytest $(ARGS)

check: .venv/.installed-dev ## style, types, structure, and every trial and analysis on record
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict meta
	.venv/bin/lint-imports --no-logo
	$(PY) -m pytest -n 0 tests/unit/test_architecture.py
	$(NEN_META) check $(ROOT_OPT)

trial: .venv/.installed ## start the record of a new trial   ID=drug-acronym [ROOT=dir]
	@test -n "$(ID)" || { echo "nen-meta: name the trial: make trial ID=drug-acronym" >&2; exit 2; }
	@$(NEN_META) new $(ROOT_OPT) "$(ID)"

diff: .venv/.installed ## show the pooled answers before and after the change of the records   [ROOT=dir]
	@$(NEN_META) diff $(ROOT_OPT)

bench: .venv-bench/.installed ## time the statistics beside named peers; writes out/bench.md   [ARGS="--only reml"]
	@.venv-bench/bin/python -m tests.bench $(ARGS)

simulate: .venv/.installed-dev ## what trials that print only totals are worth; writes out/simulation.md   [ARGS="--sets 200"]
	@$(PY) -m tests.simulation $(ARGS)

calibrate: .venv/.installed-dev ## simulation-based calibration of the model of sites and regions; writes out/calibration.md and .png   [ARGS="--sets 50"]
	@$(PY) -m tests.simulation.calibration $(ARGS)

lock: ## write constraints.txt anew from pyproject.toml (needs uv)   [UPGRADE=1 for the newest versions]
	@$(UV) --version >/dev/null 2>&1 || { echo "nen-meta: make lock needs uv on PATH" >&2; exit 1; }
	@$(UV) pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --all-extras \
	  --no-annotate --no-header $(if $(UPGRADE),--upgrade) --output-file constraints.txt pyproject.toml

clean: ## remove out/ and the caches
	@rm -rf out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find meta tests -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	@rm -rf .venv .venv-bench

# The set-up. .venv/.unfinished stands there while it runs: found at the start, it means that the last one was
# cut off, and everything begins again. A set-up that merely fails leaves an older, working .venv as it was.
# $(call set-up,[EXTRA])
set-up = @trap 'exit 130' INT TERM; \
	if $(UV) --version >/dev/null 2>&1; then tool=uv; else tool=pip; fi; \
	test ! -e .venv/.unfinished || rm -rf .venv || exit 1; \
	if $(PY) -c '$(SUITABLE)' >/dev/null 2>&1 && { test $$tool = uv || $(PY) -m pip --version >/dev/null 2>&1; }; then \
	  made=; echo "nen-meta: bringing .venv up to date with $$tool"; \
	else \
	  made=yes; python=; bare=; \
	  if test -n "$(PYTHON)"; then set -- "$(PYTHON)"; \
	  else set -- python3.14 python3.13 python3.12 python3.11 python3 python; fi; \
	  for candidate; do \
	    "$$candidate" -c '$(SUITABLE)' >/dev/null 2>&1 || continue; \
	    if test $$tool = uv || "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; \
	    then python=`"$$candidate" -c 'import sys; print(sys.executable)'`; break; else bare=$$candidate; fi; \
	  done; \
	  if test -z "$$python"; then \
	    if test -n "$$bare"; then problem="$$bare lacks venv or ensurepip (Debian, Ubuntu: apt install python3-venv)"; \
	    elif test -n "$(PYTHON)"; then problem="$(PYTHON) is not a Python from 3.11 to 3.14"; \
	    else problem="no Python from 3.11 to 3.14 found"; fi; \
	    echo "nen-meta: $$problem; install one or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	  fi; \
	  echo "nen-meta: setting up .venv with $$candidate and $$tool (once; a minute or two)"; \
	  rm -rf .venv && mkdir .venv && : >.venv/.unfinished || exit 1; \
	  if test $$tool = uv; then $(UV) venv --quiet --allow-existing --python "$$python" .venv; \
	  else "$$python" -m venv .venv; fi \
	  || { echo "nen-meta: $$candidate could not make .venv" >&2; exit 1; }; \
	fi; \
	: >.venv/.unfinished; \
	if test $$tool = uv; then $(UV) pip install --quiet --python $(PY) -c constraints.txt -e '.$(1)'; \
	else $(PY) -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt -e '.$(1)'; fi \
	|| { test -n "$$made" || rm -f .venv/.unfinished; \
	     echo "nen-meta: the packages could not be installed; the lines above say why" >&2; exit 1; }; \
	touch .venv/.installed $(if $(1),.venv/.installed-dev); rm -f .venv/.unfinished

# Out of date, too, by a missing interpreter (also a dangling link, after Python was upgraded) and by a cut-off set-up.
INSTALLED_FROM = $(PY) pyproject.toml constraints.txt $(wildcard .venv/.unfinished)
$(PY): ;

.venv/.installed: $(INSTALLED_FROM)
	$(call set-up)

.venv/.installed-dev: $(INSTALLED_FROM)
	$(call set-up,[dev])

# The peers live apart: what they need must not change what is tested here.
.venv-bench/.installed: .venv/.installed pyproject.toml constraints.txt tests/bench/requirements.txt
	@echo "nen-meta: setting up .venv-bench (once; a minute or two)"
	@rm -rf .venv-bench
	@if $(UV) --version >/dev/null 2>&1; then \
	  $(UV) venv --quiet --python $(PY) .venv-bench && \
	  $(UV) pip install --quiet --python .venv-bench/bin/python -c constraints.txt -r tests/bench/requirements.txt -e .; \
	else \
	  $(PY) -m venv .venv-bench && .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -c constraints.txt -r tests/bench/requirements.txt -e .; \
	fi
	@touch $@
