# The helper: vmlinux.h from the running kernel's BTF, the BPF object against it, its skeleton, and the program that embeds it.
# Tests build variants of it: make HELPER_BUILD=build/small HELPER_DEFINES=-DMAX_ROUTES=64 build/small/upstreamtop-probe
CLANG ?= clang
BPFTOOL ?= bpftool
CC ?= cc
HELPER_BUILD ?= build
HELPER_DEFINES ?=
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
# Callbacks have unused parameters; sequence numbers are compared as signed differences.
BPF_WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
HELPER_WARNINGS := -Wall -Wextra -Werror
# An option that the compiler or the architecture does not support is left out. CFI is left out, too: clang's needs LTO over
# everything, and the functions that the helper calls by pointer are in libbpf and the C library, which are built without it.
accepted = $(shell $(CC) -Werror -O2 $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))
HELPER_HARDENING = -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
	$(call accepted,-fstack-clash-protection) $(call accepted,-fcf-protection)
HELPER_LINKING := -pie -Wl,-z,relro,-z,now,-z,noexecstack
HELPER_VERSION := $(shell sed -n 's/.*"version": *"\(.*\)".*/\1/p' package.json | head -1)
HELPER_SOURCES := $(sort $(wildcard bpf/helper/*.c))
HELPER_HEADERS := $(wildcard bpf/*.h bpf/helper/*.h)
BPF_HEADERS := $(wildcard bpf/*.h bpf/kernel/*.h bpf/kernel/*/*.h)

$(HELPER_BUILD)/vmlinux.h:
	@mkdir -p $(@D)
	$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c > $@

COMPILE_BPF = $(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) $(HELPER_DEFINES) $(BPF_WARNINGS) \
	-I$(HELPER_BUILD) -Ibpf -c $< -o $@

# for interfaces, and for a control group
$(HELPER_BUILD)/upstreamtop.bpf.o: bpf/kernel/upstreamtop.bpf.c $(BPF_HEADERS) $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF)

$(HELPER_BUILD)/upstreamtop-cgroup.bpf.o: bpf/kernel/upstreamtop.bpf.c $(BPF_HEADERS) $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF) -DBY_CGROUP=1

$(HELPER_BUILD)/upstreamtop.skel.h: $(HELPER_BUILD)/upstreamtop.bpf.o
	$(BPFTOOL) gen skeleton $< name upstreamtop_bpf > $@

# The helper uses one skeleton for both objects, so their variables must lie at the same places.
$(HELPER_BUILD)/upstreamtop-cgroup.skel.h: $(HELPER_BUILD)/upstreamtop-cgroup.bpf.o $(HELPER_BUILD)/upstreamtop.skel.h
	$(BPFTOOL) gen skeleton $< name upstreamtop_cgroup_bpf > $@
	@diff <(sed -n '/__bss {/,/} \*rodata/p' $(HELPER_BUILD)/upstreamtop.skel.h) \
		<(sed -n '/__bss {/,/} \*rodata/p' $@ | sed 's/upstreamtop_cgroup_bpf/upstreamtop_bpf/')

# no strict aliasing: counters are read as words from mapped memory
$(HELPER_BUILD)/upstreamtop-probe: $(HELPER_SOURCES) $(HELPER_HEADERS) $(HELPER_BUILD)/upstreamtop.skel.h $(HELPER_BUILD)/upstreamtop-cgroup.skel.h package.json
	$(CC) -g -O2 -std=gnu11 -fno-strict-aliasing -D_GNU_SOURCE -DVERSION='"$(HELPER_VERSION)"' $(HELPER_DEFINES) \
		$(HELPER_HARDENING) $(HELPER_WARNINGS) -I$(HELPER_BUILD) -Ibpf $(HELPER_SOURCES) -o $@ $(HELPER_LINKING) -Wl,-Bstatic -lbpf -Wl,-Bdynamic -lelf -lz
