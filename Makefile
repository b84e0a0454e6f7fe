# Everything is built from uv.lock into .venv; nothing but Python 3.11+ needs to be there.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
.DEFAULT_GOAL := help
# Tests start a thousand processes; where Python may not keep what it compiled, each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-neo4j test test-long test-spark check bench bench-api bench-graph bench-peers evaluate reference docs readme fmt clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

.venv/ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv sync --quiet --frozen --active --inexact
	@touch $@

# pyspark is 450 MB, which only tests and types need.
.venv/spark: .venv/ready
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv sync --quiet --frozen --active --inexact --extra spark
	@touch $@

demo: .venv/ready ## the main job on a small marketplace, embedded, then what to look at
	@$(BIN)/graphrisk demo

demo-neo4j: .venv/ready ## the same into a real Neo4j (Java 17+, Maven), then what to click in its Browser
	@$(BIN)/graphrisk --home demo/home neo4j start
	@$(BIN)/graphrisk demo
	@echo; echo "And in the graph:"; $(BIN)/graphrisk --home demo/home neo4j start

test: .venv/spark ## all tests but the long ones and most of Spark's, in two halves at once
	@$(BIN)/python -m tests

test-spark: .venv/spark ## the rest of Spark's: partitions, executors that are killed, chains, random facts; in two halves at once
	@$(BIN)/python -m tests spark

test-long: .venv/spark ## the long tests
	@$(BIN)/python -m pytest -q -m slow -o faulthandler_timeout=7200

check: .venv/spark ## format, lint, types, layers, generated docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.docs --check

bench-peers: .venv/peers ## detection beside Neo4j GDS, networkx, GraphX and Splink (Java 17+, Maven)
	@$(BIN)/python -m tests.bench.peers

.venv/peers: .venv/ready
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv sync --quiet --frozen --active --inexact --group peers
	@touch $@

bench-graph: .venv/ready ## rows a second into a real Neo4j, beside a bare driver loop, and by import
	@$(BIN)/python -m tests.bench.graph

bench-api: .venv/ready ## answers a second of the API at 1,000,000 accounts, beside a bare route
	@$(BIN)/python -m tests.bench.api

bench: .venv/ready ## seconds and memory per stage at 1,000,000 accounts, beside the floor
	@$(BIN)/python -m tests.bench

evaluate: .venv/ready ## detection quality on worlds with hidden truth, beside rivals, against the targets
	@$(BIN)/python -m tests.bench.evaluate --seeds 225,226,227 --stress
	@$(BIN)/python -m tests.bench.evaluate --hand other --seeds 67,68,69
	@$(BIN)/python -m tests.bench.evaluate --hand third --seeds 57,58,59

reference: .venv/ready ## learn the shipped reference from named worlds; written only if it is admitted
	@$(BIN)/python -m tests.bench.reference

docs: .venv/ready ## write the generated parts of the documentation
	@$(BIN)/python -m tests.docs

readme: .venv/ready ## write what the README and docs/explanations.md show of the demo
	@$(BIN)/python -m tests.readme
	@$(BIN)/python -m tests.explanations

fmt: .venv/ready ## format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what make made
	@rm -rf .venv demo
