# st: build, test, install, and the lessons. `make` alone builds and says what to do next; `make help` lists the targets.
SHELL := /bin/bash
PREFIX ?= $(HOME)/.local
CARGO ?= cargo
# Tests interrupt pipelines, also where make runs in the background, which has Ctrl-C ignored.
CARGO_TEST = $(shell env --default-signal=INT true 2>/dev/null && echo env --default-signal=INT) $(CARGO) test
FUZZ_SECONDS ?= 60
BIN := $(CURDIR)/target/release
LESSONS := $(notdir $(wildcard examples/[0-9][0-9]-*))
USE_CASES := $(patsubst examples/use-cases/%/run,%,$(wildcard examples/use-cases/*/run))

export PATH := $(BIN):$(PATH)

.PHONY: all help build connectors setup demo test test-kafka test-postgres test-webhook test-use-cases test-ui chaos lint bench bench-setup bench-latency bench-kafka lint-connectors bless parity-regenerate test-spark install uninstall clean soak fuzz

all: build
	@echo
	@echo "Built. Next:"
	@echo "  make demo        the e-commerce queries, running in this terminal"
	@echo "  make lesson-01   the first of eight lessons; make help lists them"
	@echo "  make install     tools, man pages, completions into $(PREFIX)"

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20
	@for lesson in $(LESSONS); do \
	  printf '  make %-12s %s\n' "lesson-$${lesson%%-*}" "$$(sed -n '1s/^# *//p' examples/$$lesson/README.md)"; done
	@for case in $(USE_CASES); do printf '  make use-case-%-15s %s\n' "$$case" "$$(sed -n '1s/^# *//p' examples/use-cases/$$case/README.md)"; done

build: ## Build the tools
	@[ -x $(BIN)/st-sink ] && quiet=--quiet; $(CARGO) build --release $$quiet --bins

setup: build ## Sample data and folders for the lessons
	@scripts/setup

demo: setup ## Lesson 08: three queries over one stream of shop events
	@examples/08-ecommerce/run

lesson-%: setup
	@lesson=$$(echo examples/$*-*/run); [ -x "$$lesson" ] || { echo "no lesson $*: make help lists them" >&2; exit 2; }; "$$lesson"

# All but clickstream have a server at one end.
use-case-%: build
	@[ -x examples/use-cases/$*/run ] || { echo "no use case $*: make help lists them" >&2; exit 2; }
	@[ $* = clickstream ] || $(MAKE) --silent connectors
	@examples/use-cases/$*/run

test: ## All tests
	@$(CARGO) build --quiet
	@$(CARGO_TEST) --quiet
	@echo "left out: the connectors (make test-kafka, test-postgres, test-webhook, test-use-cases), the page in a browser (make test-ui)"

connectors: ## Build st-kafka and the sinks kafka, postgres, webhook
	@$(CARGO) build --release --bins -p st-kafka -p st-sink-kafka -p st-sink-postgres -p st-sink-webhook

# What the tests of the connectors run besides the connectors.
STAGES := -p st-tail -p st-map -p st-agg -p st-watermark -p st-window -p st-fold -p st-sink -p st-tee

test-kafka: ## The Kafka tools against a real broker (needs Java 17, Maven, kcat)
	@$(CARGO) build --quiet --bins $(STAGES) -p st-kafka -p st-sink-kafka
	@trap 'scripts/servers/kafka stop target/test-kafka' EXIT; rm -rf target/test-kafka; \
	  broker=$$(scripts/servers/kafka start target/test-kafka) && \
	  ST_TEST_KAFKA=$$broker ST_TEST_KAFKA_DIR=$(CURDIR)/target/test-kafka $(CARGO_TEST) --quiet -p st-kafka -p st-sink-kafka

test-postgres: ## The PostgreSQL sink against a real server (needs PostgreSQL)
	@$(CARGO) build --quiet --bins $(STAGES) -p st-sink-postgres
	@trap 'scripts/servers/postgres stop /tmp/st-test-postgres.$$$$; rm -rf /tmp/st-test-postgres.$$$$' EXIT; \
	  server=$$(scripts/servers/postgres start /tmp/st-test-postgres.$$$$) && \
	  ST_TEST_POSTGRES=$$server $(CARGO_TEST) --quiet -p st-sink-postgres

test-webhook: ## The webhook sink against a loopback server
	@$(CARGO_TEST) --quiet -p st-sink-webhook

test-use-cases: ## The use cases against a real broker and database (needs Java 17, Maven, kcat, PostgreSQL)
	@$(CARGO) build --quiet && $(CARGO) build --quiet --bins -p st-kafka -p st-sink-kafka -p st-sink-postgres -p st-sink-webhook
	@work=$$(mktemp -d); chmod 755 $$work; \
	  trap "scripts/servers/kafka stop $$work/kafka; scripts/servers/postgres stop $$work/postgres; rm -rf $$work" EXIT; \
	  kafka=$$(scripts/servers/kafka start $$work/kafka) && postgres=$$(scripts/servers/postgres start $$work/postgres) && \
	  ST_TEST_KAFKA=$$kafka ST_TEST_POSTGRES=$$postgres $(CARGO_TEST) --quiet -p st-tests --test use_cases -- --include-ignored

UI_TEST := $(CURDIR)/target/ui-test
test-ui: ## The page in Chromium, the alerts in promtool (needs Node 18, npm, chromium, prometheus); target/ui-test/page.png
	@promtool check rules docs/monitoring/alerts.yml && promtool test rules tools/st-ui/tests/alerts.yml
	@$(CARGO) build --quiet --bins -p st-ui -p st-tail -p st-rate -p st-union -p st-tee -p st-map -p st-watermark -p st-agg -p st-sink
	@mkdir -p $(UI_TEST) && cp tools/st-ui/tests/browser/package.json $(UI_TEST)/ && cd $(UI_TEST) && npm install --silent --no-audit --no-fund
	@rm -rf $(UI_TEST)/queries && mkdir $(UI_TEST)/queries && node tools/st-ui/tests/browser/page.mjs target/debug $(UI_TEST)/queries

SEED ?= $(shell date +%s)
KILLS ?= 50
chaos: ## Kill pipelines KILLS times each at random, from SEED, and compare
	@$(CARGO) build --quiet
	@ST_CHAOS_SEED=$(SEED) ST_CHAOS_KILLS=$(KILLS) $(CARGO_TEST) --quiet -p st-tests --test chaos

soak: build ## Memory over ten gigabytes of rows (ST_SOAK=BYTES for another size)
	@ST_SOAK=$${ST_SOAK:-10000000000} ST_SOAK_BIN=$(BIN) $(CARGO_TEST) --quiet -p st-tests --test memory -- --nocapture

fuzz: ## Each fuzz target for FUZZ_SECONDS (60); needs cargo-fuzz and a nightly toolchain
	@cd fuzz && for target in $$(sed -n 's/^name = "\(fuzz_.*\)"/\1/p' Cargo.toml); do \
	  $(CARGO) +nightly fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 || exit 1; done

BENCH_PYTHON ?= $(firstword $(wildcard $(CURDIR)/work/bench/venv/bin/python) python3)
bench: build ## Against DuckDB, Spark, jq and Miller (head of scripts/bench/bench: how to run less of it)
	@$(CARGO) build --release --quiet -p st-tests --features bench --bins
	@$(BENCH_PYTHON) scripts/bench/bench

bench-latency: build ## Percentiles at 10,000 rows a second through five stages; time to the first row
	@$(CARGO) build --release --quiet -p st-tests --features bench --bins
	@bench_latency

bench-kafka: ## The Kafka tools against kcat on one topic (Java 17, Maven, kcat)
	@$(CARGO) build --release --quiet --bins -p st-tail -p st-sink -p st-kafka -p st-sink-kafka
	@scripts/bench/kafka

bench-setup: ## Install what `make bench` compares with: DuckDB and PySpark into work/, jq and Miller with apt
	@mkdir -p work/bench && python3 -m venv work/bench/venv
	@work/bench/venv/bin/pip install --quiet duckdb pyspark==4.3.0
	@for tool in jq mlr:miller java:openjdk-17-jre-headless; do command -v $${tool%%:*} >/dev/null || \
	  $$([ "$$(id -u)" = 0 ] || echo sudo) apt-get install -y -q $${tool##*:}; done

bless: ## Rewrite the expectations of tests/cases and the screens of st-top, for review by diff
	@$(CARGO) build --quiet
	@ST_BLESS=1 $(CARGO_TEST) --quiet -p st-tests --test cases || true
	@ST_BLESS=1 $(CARGO_TEST) --quiet -p st-top || true
	@git diff --stat -- tests/cases tools/st-top/tests

SPARK_PYTHON ?= $(CURDIR)/target/spark-venv/bin/python
$(CURDIR)/target/spark-venv/bin/python:
	@python3 -m venv target/spark-venv && target/spark-venv/bin/pip install --quiet pyspark==4.3.0 'pandas<3' pyarrow protobuf

parity-regenerate: $(SPARK_PYTHON) ## Ask real Spark for every expected answer anew (Java 17; TOPIC=windows for one topic)
	@$(SPARK_PYTHON) tests/parity/regenerate.py $(TOPIC)
	@git diff --stat -- $(CURDIR)

test-spark: build $(SPARK_PYTHON) ## Run the PySpark of --explain and of docs/FROM-SPARK.md on real Spark (Java 17; ONLY=lessons, cases, parity, a name)
	@$(SPARK_PYTHON) tests/spark/run.py $(ONLY)
	@[ -n "$(ONLY)" ] || $(SPARK_PYTHON) tests/parity/page.py --check

lint: ## Format, clippy with warnings denied, shellcheck
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --all-targets --quiet -- -D warnings
	@shellcheck -x -e SC2002 $$(git ls-files | xargs grep -lE '^#!.*(bash|sh)$$')

lint-connectors: ## Clippy over the connectors, which have client libraries to compile
	@$(CARGO) clippy --all-targets --quiet -p st-kafka-client -p st-kafka -p st-sink-kafka -p st-sink-postgres -p st-sink-webhook -- -D warnings

install: build ## Install tools, man pages and completions into PREFIX; after make connectors them too
	@scripts/install $(PREFIX)

uninstall: ## Remove what install put into PREFIX
	@scripts/install --remove $(PREFIX)

clean: ## Remove what was built and generated
	@$(CARGO) clean
	@rm -rf work
