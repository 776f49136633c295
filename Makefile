# make run     install what the build misses, build, start the server on port 15432
# make build   the same without starting
# make test    formatting, lints, documentation, every test
# make fmt     format the sources
# make record  record PostgreSQL's answers to tests/sql anew: PGREF=postgresql://user@host:port/database make record
# make crash   two hundred rounds of kill -9 under load
# make fuzz    ten minutes each of the decoders' fuzz targets (nightly Rust and cargo-fuzz)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# RocksDB is C++ and takes a quarter of an hour to compile: ccache makes that once per machine, not once per checkout.
ifeq ($(origin CXX),default)
CXX := ccache g++
endif
ifeq ($(origin CC),default)
CC := ccache gcc
endif
export CXX CC
export CCACHE_MAXSIZE ?= 5G

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# What the build needs, as command:package, and what the tests need beyond it.
BUILD_TOOLS := clang:clang g++:g++ make:make ccache:ccache
TEST_TOOLS := psql:postgresql-client python3:python3

.PHONY: build run test fmt record crash fuzz tools test-tools

build: tools
	cargo build --release

run: build
	cargo run --release --bin orbit-server

test: tools test-tools
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	cargo test --all-targets
	cargo test --doc

fmt:
	cargo fmt

record: tools test-tools
	@[ -n "$${PGREF:-}" ] || { echo 'PGREF names a PostgreSQL 15: PGREF=postgresql://user@host:port/database'; exit 1; }
	cargo test --test suite -- --ignored --exact sql::record

crash: tools
	ORBIT_CRASH_ROUNDS=$${ORBIT_CRASH_ROUNDS:-200} cargo test --test suite -- --nocapture crash::

fuzz: tools
	cargo +nightly fuzz run frontend -- -max_total_time=600 -rss_limit_mb=2048
	cargo +nightly fuzz run startup -- -max_total_time=600 -rss_limit_mb=2048

tools:
	@missing=""; \
	for tool in $(BUILD_TOOLS); do command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; done; \
	ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/x86_64-linux-gnu/libclang*.so* /usr/lib/aarch64-linux-gnu/libclang*.so* >/dev/null 2>&1 \
	  || ldconfig -p | grep -q libclang || missing="$$missing libclang-dev"; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq $$missing; fi

test-tools:
	@missing=""; \
	for tool in $(TEST_TOOLS); do command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool##*:}"; done; \
	/usr/bin/python3 -c 'import psycopg2' 2>/dev/null || missing="$$missing python3-psycopg2"; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq $$missing; fi
