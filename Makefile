# SPDX-License-Identifier: Apache-2.0
#
#   make                build the programs (release, static) in build/
#   make up             install what is missing, build, bring up an environment
#                       (PROJECT=folder, default: this one; ARGS=options of `dlenv up`)
#   make test           everything: lint, unit tests (sanitizers), the real program, security
#   make bench          how fast, against crun, runc, bwrap and podman
#   make lint | fmt     look over the sources | let clang-format lay them out
#   make unit | e2e | security    one suite only (TESTS=pattern for some of its files)
#   make test-setup     dlenv setup on all distributions and routes, with faults and kills (root, long)
#   make test-vm        dlenv setup under Secure Boot, in a virtual machine without KVM (root, long)
#   make fuzz           each fuzzer for FUZZ_SECONDS
#   make install        PREFIX=/usr/local, DESTDIR=
#   make clean          remove the build folders

PREFIX ?= /usr/local
PROJECT ?= $(CURDIR)
ARGS ?= --yes
FUZZ_SECONDS ?= 60
MESON ?= meson
NINJA ?= ninja
JOBS := $(if $(J),-j$(J))
QUIET := $(if $(V),-v,--quiet)

.DEFAULT_GOAL := all
.PHONY: all up test lint unit e2e security test-setup test-vm bench fmt fuzz install clean release dev

all: bootstrap-build release

# A configured folder is left alone; ninja reconfigures it when meson.build changes.
build/build.ninja:
	@echo "  configure build"
	@out=$$($(MESON) setup build --prefix=$(PREFIX) 2>&1) || { echo "$$out" | tail -n 20; exit 1; }

build-dev/build.ninja:
	@echo "  configure build-dev (sanitizers)"
	@out=$$($(MESON) setup build-dev --native-file dev.ini 2>&1) || { echo "$$out" | tail -n 20; exit 1; }

release: build/build.ninja
	@$(NINJA) -C build $(QUIET) $(JOBS)

dev: build-dev/build.ninja
	@$(NINJA) -C build-dev $(QUIET) $(JOBS)

bootstrap-%:
	@tools/bootstrap.sh $(subst +, ,$*)

up: bootstrap-build+run
	@$(MAKE) --no-print-directory release
	@cd "$(PROJECT)" && exec "$(CURDIR)/build/src/cli/dlenv" up $(ARGS)

test: bootstrap-build+run+test
	@tests/run.sh lint unit e2e security

lint unit: bootstrap-build+test
	@tests/run.sh $@

e2e security: bootstrap-build+run+test
	@tests/run.sh $@

test-setup: bootstrap-build+run+test
	@tests/run.sh setup

test-vm: bootstrap-build+run+test
	@$(MAKE) --no-print-directory release
	@tests/vm/run.sh

bench: bootstrap-build+run+bench
	@$(MAKE) --no-print-directory release
	@bench/run.sh

fmt:
	@git ls-files -co --exclude-standard -- '*.c' '*.h' | xargs clang-format -i

fuzz: bootstrap-build+fuzz
	@tests/run.sh fuzz

install: all
	@$(MESON) configure build --prefix=$(PREFIX)
	@DESTDIR="$(DESTDIR)" $(MESON) install -C build --no-rebuild --quiet

clean:
	@rm -rf build build-dev build-clang build-fuzz build-test
