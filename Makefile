# A fresh machine needs make, and Python 3.11 to 3.13 with venv, or uv; `make run` and `make test` do the rest.
PYTHON ?=
BIN := .venv/bin
ARGS ?=
PORT ?= 5000

.PHONY: help run test bench ui format lock check-lock clean python
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s%s\n", $$1, $$2}' Makefile

run: .venv/installed  ## set up, then train, judge and record the default model (ARGS="loss=mse seed=1")
	$(BIN)/python -m dae_lab.run $(ARGS)

test: .venv/installed  ## set up, then all checks: ruff, mypy, import-linter, pytest (ARGS="-k noise")
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

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
	@sh .ci/check-lock.sh

check-lock:  ## does requirements.lock resolve on all systems and versions of Python? (needs uv)
	@sh .ci/check-lock.sh

clean:  ## remove the virtual environment; runs stay
	rm -rf .venv

python:
	@PYTHON="$(PYTHON)" sh .ci/venv.sh

.venv/installed: requirements.lock pyproject.toml | python
	@echo "setting up .venv for $$($(BIN)/python --version): about 3 GB, two or three minutes"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
