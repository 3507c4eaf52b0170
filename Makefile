# A fresh machine needs python3 (3.11 or later, with venv) and make; `make run` and `make test` do the rest.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
PORT ?= 5000

.PHONY: help run test bench ui format lock clean
help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: .venv/installed  ## set up, then train, judge and record the default model (ARGS="loss=mse seed=1")
	$(BIN)/python -m dae_lab.run $(ARGS)

test: .venv/installed  ## set up, then all checks: ruff, mypy, import-linter, pytest (ARGS="-k noise")
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile $(ARGS)

bench: .venv/installed  ## what takes minutes: measurements, ten seeds, sweeps at length (ARGS="-k evaluation")
	$(BIN)/python -m pytest --long -m long $(ARGS)

ui: .venv/installed  ## open the MLflow UI on http://127.0.0.1:5000 (this machine only; PORT=…)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/python -m mlflow ui --workers 1 --host 127.0.0.1 --port $(PORT) --backend-store-uri "sqlite:///$(CURDIR)/mlruns/mlflow.db"

format: .venv/installed  ## format the code, mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet -o requirements.lock

clean:  ## remove the virtual environment; runs stay
	rm -rf .venv

.venv/installed: requirements.lock pyproject.toml
	@echo "setting up .venv: about 3 GB, two or three minutes"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dae_lab needs Python 3.11 or later")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
