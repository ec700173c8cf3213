# All targets make what they need themselves; `make help` lists them.
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest -q
.DEFAULT_GOAL := help

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-16s %s\n", $$1, $$2}'

.PHONY: setup
setup: .venv/.ready  ## make .venv with the speedmentor command and everything the other targets need

.venv/.ready: requirements.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	@test -x $(PYTHON) || python3 -m venv .venv
	@echo "installing into .venv …"
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: setup  ## run a whole event from start to report; DATA=folder SPEED=factor
	@$(PYTHON) -m deploy.demo $(if $(DATA),--data "$(DATA)") $(if $(SPEED),--speed $(SPEED))

.PHONY: run
run: setup  ## leave everything up with the sample program loaded, until Ctrl-C
	@$(PYTHON) -m deploy.demo.run

.PHONY: up down status
up: setup  ## start RabbitMQ and MongoDB of this checkout's own
	@$(PYTHON) -m deploy.local up
down: setup  ## stop all that this checkout has started
	@$(PYTHON) -m deploy.local down
status: setup  ## show what runs and where
	@$(PYTHON) -m deploy.local status

.PHONY: test
test: lint unit contract integration browser system test-system  ## everything that must pass

.PHONY: lint
lint: setup  ## style, types and who may import whom
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy services shared deploy
	@.venv/bin/lint-imports

.PHONY: unit contract integration browser system test-system faults
unit: setup  ## the pure parts, without broker and database
	@$(PYTEST) -n 2 tests/unit
contract: setup tests/node/node_modules/.ready  ## events and interfaces to the letter
	@$(PYTEST) tests/contract
integration: setup examples/consumers/with-node/node_modules/.ready  ## on the real broker and database; two at a time, each with its own
	@$(PYTEST) -n 2 --dist loadscope tests/integration
browser: setup  ## the pages in a real Chromium
	@$(PYTHON) -m deploy.local chromium
	@$(PYTEST) tests/browser
system: setup tests/node/node_modules/.ready  ## the whole event, end to end
	@$(PYTEST) tests/system --ignore tests/system/containers
test-system: setup  ## the same in containers, with parts killed and replaced; needs an engine, or root to install one
	@$(PYTEST) tests/system/containers
faults: setup  ## kill and restart parts of a running event; long
	@$(PYTEST) tests/faults

%/node_modules/.ready: %/package-lock.json | .venv/.ready
	@echo "installing into $* …"
	@.venv/bin/npm ci --prefix $* --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.PHONY: bench-events bench-timer bench-planning bench-replanning bench-consumers
bench-events: setup  ## effects a second against stock nameko
	@$(PYTHON) bench/events.py
bench-timer: setup  ## how late deadlines ring
	@$(PYTHON) bench/timer.py
bench-planning: setup  ## how fast and how good plans are
	@$(PYTHON) bench/planning.py
bench-replanning: setup  ## how soon a large plan is right again after an absence
	@$(PYTHON) -m bench.replanning

bench-consumers: setup  ## what other systems cost, and how fast one is replayed to
	@$(PYTHON) -m bench.consumers

.PHONY: images secrets
images: setup  ## build the container images; OFFLINE=1 where no image registry is reached
	@$(PYTHON) -m deploy.images $(if $(OFFLINE),--offline)
secrets: setup  ## make the secrets that docker compose needs
	@$(PYTHON) -m deploy.compose.secrets

.PHONY: lock
lock: setup  ## write requirements.lock anew from pyproject.toml
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --all-extras --generate-hashes --no-header --no-annotate --no-emit-find-links --no-emit-index-url pyproject.toml -o requirements.lock

.PHONY: clean
clean:  ## stop everything and remove .venv, .run and caches
	@test ! -x $(PYTHON) || $(PYTHON) -m deploy.local down
	@rm -rf .venv .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
