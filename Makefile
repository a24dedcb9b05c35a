# The only task runner. `make` alone lists what it can do.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export PATH := $(PATH):/usr/sbin:/sbin

PREFIX ?= /usr/local
HELPER := build/upstreamtop-probe
CAPTURE := build/upstreamtop-capture.wasm
PACKED_HELPERS := $(HELPER)-linux-x64 $(HELPER)-linux-arm64
HELPER_CAPS := cap_bpf,cap_net_admin,cap_perfmon,cap_sys_ptrace+ep

TSX := node --import tsx
RUN_TESTS := $(TSX) --test --test-timeout=600000 --test-reporter=spec
RUN_TWO_AT_A_TIME := $(RUN_TESTS) --test-concurrency=2
# A kernel test waits for ticks and timeouts: half of a CPU is enough for it.
RUN_THREE_AT_A_TIME := $(RUN_TESTS) --test-concurrency=3
RUN_ALONE := $(RUN_TESTS) --test-concurrency=1
TESTS = $(shell find test -name '*.test.ts' | sort)
# What compares times with nginx's own has the machine for itself.
TIMED_TESTS = $(filter test/kernel/times.test.ts test/kernel/speed.test.ts,$(TESTS))
KERNEL_TESTS = $(filter-out $(TIMED_TESTS),$(filter test/kernel/%,$(TESTS)))
# They have servers of their own, and minutes: make fleet-test.
FLEET_TESTS = $(filter test/fleet/fleet.test.ts test/fleet/current.test.ts test/fleet/docs.test.ts,$(TESTS))
UNIT_TESTS = $(filter-out test/kernel/% $(FLEET_TESTS),$(TESTS))

.PHONY: help build dist helper node_modules test test-unit test-kernel check format lint types golden counters demo
.PHONY: bench bench-kernel bench-tls bench-store bench-replay bench-report bench-metrics bench-view bench-pcap torture week siege loss install uninstall deb clean
.PHONY: build-packages test-packages tarball-packages tarball packed-helpers $(PACKED_HELPERS)
.PHONY: long test-by-cgroup fuzz fuzz-lines fuzz-stream fuzz-files fuzz-port

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

build: helper dist ## the helper with its BPF programs, and the TypeScript

helper: build-packages $(HELPER) $(CAPTURE)

dist: node_modules
	npm run --silent build

node_modules:
	@scripts/node-modules.sh

build-packages:
	@scripts/system-packages.sh build

tarball: dist packed-helpers ## upstreamtop-VERSION.tgz for npm: the program, its manual, the helper for x86-64 and arm64
	@scripts/tarball.sh

packed-helpers: tarball-packages $(PACKED_HELPERS) $(CAPTURE)

# Made by a make of its own, which knows what has changed.
$(PACKED_HELPERS): $(HELPER)-linux-%:
	@$(MAKE) HELPER_ARCH=$* HELPER_BUILD=$(call helper_build,$*) $(call helper_build,$*)/upstreamtop-probe
	@install -m 0755 $(call helper_build,$*)/upstreamtop-probe $@

helper_build = build$(if $(filter-out $(NATIVE_ARCH),$(1)),/$(1))

tarball-packages:
	@scripts/system-packages.sh --install build tarball

test: test-packages build ## all tests: unit, golden, kernel (without root the kernel tests are skipped)
	@# Where there is no Debian to take libraries for the other architecture from, the tests of the tarball are skipped.
	@if scripts/debian-mirror.sh >/dev/null; then $(MAKE) tarball; fi
	@failed=0; $(RUN_TWO_AT_A_TIME) $(UNIT_TESTS) || failed=1; $(RUN_THREE_AT_A_TIME) $(KERNEL_TESTS) || failed=1; \
		$(RUN_ALONE) $(TIMED_TESTS) || failed=1; exit $$failed

test-unit: dist ## only the tests of the TypeScript side: no root, no helper
	$(RUN_TWO_AT_A_TIME) $(UNIT_TESTS)

test-kernel: build ## only the tests of the kernel side, on real nginx (root)
	$(RUN_THREE_AT_A_TIME) $(KERNEL_TESTS)
	$(RUN_ALONE) $(TIMED_TESTS)

test-packages:
	@scripts/system-packages.sh --install build run test

check: format lint types test ## the whole gate: format, lint, types, then test

format: node_modules
	npm run --silent format

lint: node_modules
	npm run --silent lint

types: node_modules
	npx tsc -p . --noEmit
	npx tsc -p src/report/page/client --noEmit

golden: dist ## renew the golden files; read the difference before you commit it
	GOLDEN=renew $(RUN_ALONE) $(shell grep -rlE 'GOLDEN|golden' test --include='*.test.ts' | sort)
	git --no-pager diff --stat -- fixtures test

counters: node_modules ## generate from src/frame/model/counters.ts: the counters in C, on the wire, in the file and in sums
	$(TSX) scripts/generate-counters.ts

.PHONY: huffman
huffman: node_modules ## generate from scripts/huffman/codes.ts: the tables by which the kernel reads HPACK's Huffman code
	$(TSX) scripts/generate-huffman.ts

demo: ## record real nginx traffic for 10 s, replay it and report it
	@scripts/demo.sh

bench: bench-kernel bench-tls bench-store bench-replay bench-report bench-metrics bench-view bench-pcap ## all measurements, as ratios (bench-kernel, -tls, -store, -replay, -report, -metrics, -view, -pcap)

bench-kernel bench-tls bench-pcap: build
bench-store bench-replay bench-report bench-metrics bench-view: dist
bench-kernel bench-tls bench-store bench-replay bench-report bench-metrics bench-view bench-pcap: bench-%:
	$(TSX) bench/$*.ts

torture: dist ## kill, truncate, fill the disk, flip bits: recordings must stay readable
	$(TSX) test/torture/run.ts

week: dist ## a week of ticks through a recorder with triggers, with few requests and with many: an hour or two, less on a tmpfs (TMPDIR=/dev/shm)
	$(TSX) test/torture/run.ts week

siege: build ## attack a running recorder for SECS (600) seconds: counts exact, CPU bounded, nothing left attached (root)
	$(TSX) test/torture/neighbour.ts

loss: build ## 10 % loss, RUNS (300) times, each compared with the backend's ledger (root)
	$(TSX) test/torture/loss.ts $(RUNS)

test-by-cgroup: build ## the tests of the kernel side, attached to a control group where they attach to interfaces by themselves (root)
	LAB_ATTACH=cgroup $(RUN_ALONE) $(KERNEL_TESTS)

.PHONY: fleet-test fleet-packages clickhouse-schema bench-fleet
bench-fleet: dist fleet-packages ## what a fleet costs in each engine, by hosts (HOSTS, HOURS): an hour, fewer on a tmpfs (TMPDIR=/dev/shm)
	$(TSX) bench/fleet.ts

fleet-test: export FLEET_RESULT := build/fleet-result
fleet-test: dist fleet-packages ## contrib/clickhouse on three servers and a current one, against report: ends with `N of N rows equal`; minutes, fewer on a tmpfs (TMPDIR=/dev/shm)
	@# Half a gigabyte, and no dependency. Without it the tests of the current server are skipped.
	@[ -e build/chdb/node_modules/chdb ] || npm install --silent --no-audit --no-fund --prefix build/chdb chdb@3.4.0 || true
	@rm -f $(FLEET_RESULT)
	$(TSX) --test --test-timeout=1800000 --test-reporter=spec --test-concurrency=1 $(FLEET_TESTS) test/fleet/schema.test.ts
	@cat $(FLEET_RESULT)

fleet-packages:
	@scripts/system-packages.sh --install fleet

clickhouse-schema: node_modules ## generate contrib/clickhouse/schema*.sql from the columns of the data set
	$(TSX) scripts/generate-clickhouse.ts

.PHONY: test-install test-arm64
test-install: tarball ## in a clean Debian 13, and 12: what the README says of the tarball, typed; minutes (root, debootstrap)
	test/install/tarball.sh trixie
	test/install/tarball.sh bookworm

test-arm64: tarball ## Debian 13's kernel for arm64, emulated: its helper counts what the backends count; minutes
	scripts/other-kernel.sh arm64

long: build test-by-cgroup ## tests that take hours: a million ids, torture, siege, loss, three million mutated inputs (root)
	LAB_LONG=1 $(RUN_ALONE) $(shell grep -lwE 'LONG|\w*[uU]nlessLong' test/kernel/*.test.ts)
	$(MAKE) torture siege loss fuzz

FUZZ_INPUTS ?= 1000000
FUZZ_SEED ?= 1

fuzz: fuzz-lines fuzz-stream fuzz-files fuzz-port fuzz-capture ## a million mutated captures, lines into a recorder, recordings, requests to its port (FUZZ_INPUTS, FUZZ_SEED): hours

.PHONY: fuzz-capture
fuzz-capture: ## captures and schedules of packets into the machine, under sanitizers: FUZZ_RUNS inputs (ten million), an hour or more
	@scripts/system-packages.sh --install build fuzz
	test/fuzz/capture/build.sh build/fuzz
	mkdir -p build/fuzz/corpus && tar -xzf fixtures/fuzz/capture-corpus.tar.gz -C build/fuzz/corpus
	cd build/fuzz && ./fuzz-capture corpus -entropic=0 -runs=$(or $(FUZZ_RUNS),10000000) -max_len=1024 -rss_limit_mb=4096 -print_final_stats=1

.PHONY: capture-compare capture-test
# Not those of facts that no packet has: processes, names and TLS; NAT, routed connections and forged segments, which the sockets of this
# host tell apart; clients that are no nginx (h2-odd); small tables and the order in which they fill (backends, routes).
capture-test: build ## tests of the kernel side with tcpdump beside the helper: what it has captured is recorded alike (root)
	LAB_CAPTURE=1 $(RUN_ALONE) $(patsubst %,test/kernel/%.test.ts,codes connects counting crowded duplicates fast-open grpc h2c holes lines loss outcomes packet-headers protocols times unread)

capture-compare: node_modules $(CAPTURE) ## what tshark counts in FILES, and what is recorded from them (docs/captures.md)
	@$(TSX) scripts/compare-captures.ts $(FILES)

fuzz-lines fuzz-stream fuzz-files fuzz-port: fuzz-%: node_modules
	$(TSX) test/fuzz/run.ts $* --inputs $(FUZZ_INPUTS) --seed $(FUZZ_SEED)

install: build ## into PREFIX (/usr/local): program, helper with file capabilities, units, man page, completions
install: export HELPER_CAPS := $(HELPER_CAPS)
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)
install:
	@scripts/install.sh install

uninstall: ## remove what install has put into PREFIX; recordings stay
	@HELPER_CAPS=none scripts/install.sh uninstall

deb: build ## upstreamtop_VERSION_ARCH.deb: a Debian package that needs nothing from npm's registry
deb: export HELPER_CAPS := $(HELPER_CAPS)
export DEB_VERSION DEB_FOLDER
deb:
	@scripts/deb.sh

.PHONY: test-deb
test-deb: build ## the package in a clean Debian 13, booted: installed, recording, upgraded, purged; and in Debian 12 (root, minutes)
	@test/install/deb.sh

clean: ## remove what was built
	rm -rf build dist

-include bpf/bpf.mk
