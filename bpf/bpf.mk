# The helper: vmlinux.h from the running kernel's BTF, the BPF object against it, its skeleton, and the program that embeds it.
# It is linked statically, and runs on any Linux of its architecture. Tests build variants of it:
#   make HELPER_BUILD=build/small HELPER_DEFINES=-DMAX_ROUTES=64 build/small/upstreamtop-probe
CLANG ?= clang
BPFTOOL ?= bpftool
STRIP_BPF ?= llvm-strip
HELPER_BUILD ?= build
HELPER_DEFINES ?=
# Architectures have node's names (process.arch) here, as the program looks for its helper by them.
NATIVE_ARCH := $(shell uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
HELPER_ARCH ?= $(NATIVE_ARCH)
BPF_ARCH := $(subst x64,x86,$(HELPER_ARCH))
GNU_ARCH := $(subst x64,x86_64,$(subst arm64,aarch64,$(HELPER_ARCH)))
ifneq ($(HELPER_ARCH),$(NATIVE_ARCH))
CC := $(GNU_ARCH)-linux-gnu-gcc
SYSROOT := build/sysroot-$(HELPER_ARCH)
SYSROOT_FLAGS := -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/$(GNU_ARCH)-linux-gnu \
	-L$(SYSROOT)/usr/lib/$(GNU_ARCH)-linux-gnu

# For another architecture: Debian's compiler, with the libraries of its packages.
$(SYSROOT): scripts/debian-packages.sh
	rm -rf $@ $@.new
	scripts/debian-packages.sh bookworm $(HELPER_ARCH:x64=amd64) $@.new libbpf-dev libelf-dev zlib1g-dev
	touch $@.new && mv $@.new $@
$(HELPER_BUILD)/upstreamtop-probe: $(SYSROOT)
endif
# Callbacks have unused parameters; sequence numbers are compared as signed differences.
BPF_WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
HELPER_WARNINGS := -Wall -Wextra -Werror
# An option that the compiler or the architecture does not support is left out. CFI is left out, too: clang's needs LTO over
# everything, and the functions that the helper calls by pointer are in libbpf and the C library, which are built without it.
accepted = $(shell $(CC) -Werror -O2 $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))
HELPER_HARDENING = -fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
	$(call accepted,-fstack-clash-protection) $(call accepted,-fcf-protection) $(call accepted,-mbranch-protection=standard)
# A static program that is position-independent, too. Some builds of libelf need zstd.
HELPER_LINKING = -static-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--strip-debug
HELPER_LIBRARIES = -lbpf -lelf -lz $(shell echo 'int main(void) { return 0; }' | $(CC) $(SYSROOT_FLAGS) -static -x c - -o /dev/null -lzstd 2>/dev/null && echo -lzstd)
HELPER_VERSION := $(shell sed -n 's/.*"version": *"\(.*\)".*/\1/p' package.json | head -1)
HELPER_SOURCES := $(sort $(wildcard bpf/helper/*.c))
HELPER_HEADERS := $(wildcard bpf/*.h bpf/helper/*.h)
BPF_HEADERS := $(wildcard bpf/*.h bpf/kernel/*.h bpf/kernel/*/*.h)

$(HELPER_BUILD)/vmlinux.h:
	@mkdir -p $(@D)
	$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c > $@

COMPILE_BPF = $(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) $(HELPER_DEFINES) $(BPF_WARNINGS) \
	-I$(HELPER_BUILD) -Ibpf -c $< -o $@
# BTF stays: the kernel needs it. DWARF is two thirds of an object.
STRIP_DWARF = $(STRIP_BPF) -g $@

# for interfaces, and for a control group
$(HELPER_BUILD)/upstreamtop.bpf.o: bpf/kernel/upstreamtop.bpf.c $(BPF_HEADERS) $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF)
	$(STRIP_DWARF)

$(HELPER_BUILD)/upstreamtop-cgroup.bpf.o: bpf/kernel/upstreamtop.bpf.c $(BPF_HEADERS) $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF) -DBY_CGROUP=1
	$(STRIP_DWARF)

# for what nginx writes and reads within TLS: programs of any process, which are interrupted as those at a control group are
$(HELPER_BUILD)/upstreamtop-tls.bpf.o: bpf/kernel/upstreamtop.bpf.c $(BPF_HEADERS) $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF) -DBY_CGROUP=1 -DFROM_MEMORY=1
	$(STRIP_DWARF)

# What probes cost, and how often they are reached.
$(HELPER_BUILD)/cost.bpf.o: bpf/kernel/cost.bpf.c $(HELPER_BUILD)/vmlinux.h
	$(COMPILE_BPF)
	$(STRIP_DWARF)

$(HELPER_BUILD)/cost.skel.h: $(HELPER_BUILD)/cost.bpf.o
	$(BPFTOOL) gen skeleton $< name cost_bpf > $@

$(HELPER_BUILD)/upstreamtop.skel.h: $(HELPER_BUILD)/upstreamtop.bpf.o
	$(BPFTOOL) gen skeleton $< name upstreamtop_bpf > $@

# The compiler chooses the order of the sections.
variables_of = for of in bss data rodata; do sed -n "/__$$of {/,/} \*$$of/p" $(HELPER_BUILD)/$(1).skel.h; done

# The helper uses one skeleton for both objects, so their variables must lie at the same places.
$(HELPER_BUILD)/upstreamtop-cgroup.skel.h: $(HELPER_BUILD)/upstreamtop-cgroup.bpf.o $(HELPER_BUILD)/upstreamtop.skel.h
	$(BPFTOOL) gen skeleton $< name upstreamtop_cgroup_bpf > $@
	@diff <($(call variables_of,upstreamtop)) <($(call variables_of,upstreamtop-cgroup) | sed 's/upstreamtop_cgroup_bpf/upstreamtop_bpf/')

# It shares the globals of whichever of them is loaded.
$(HELPER_BUILD)/upstreamtop-tls.skel.h: $(HELPER_BUILD)/upstreamtop-tls.bpf.o $(HELPER_BUILD)/upstreamtop.skel.h
	$(BPFTOOL) gen skeleton $< name upstreamtop_tls_bpf > $@
	@diff <($(call variables_of,upstreamtop)) <($(call variables_of,upstreamtop-tls) | sed 's/upstreamtop_tls_bpf/upstreamtop_bpf/')

# no strict aliasing: counters are read as words from mapped memory
$(HELPER_BUILD)/upstreamtop-probe: $(HELPER_SOURCES) $(HELPER_HEADERS) $(HELPER_BUILD)/upstreamtop.skel.h $(HELPER_BUILD)/upstreamtop-cgroup.skel.h $(HELPER_BUILD)/upstreamtop-tls.skel.h $(HELPER_BUILD)/cost.skel.h package.json
	$(CC) -O2 -std=gnu11 -fno-strict-aliasing -D_GNU_SOURCE -DVERSION='"$(HELPER_VERSION)"' $(HELPER_DEFINES) \
		$(HELPER_HARDENING) $(HELPER_WARNINGS) -I$(HELPER_BUILD) -Ibpf $(SYSROOT_FLAGS) $(HELPER_SOURCES) -o $@ $(HELPER_LINKING) $(HELPER_LIBRARIES)

# The same programs and the helper's tick for WebAssembly: they read captures, wherever node runs (bpf/portable).
CAPTURE_BUILD := $(HELPER_BUILD)/capture
CAPTURE_PARTS := $(patsubst bpf/portable/%.c,%,$(wildcard bpf/portable/*.c)) $(addprefix helper-,tick rows retire backends wires slots fold json die)
CAPTURE_HEADERS := $(BPF_HEADERS) $(HELPER_HEADERS) $(wildcard bpf/portable/*.h bpf/portable/*/*.h bpf/portable/*/*/*.h)
# The helper's clock is the capture's. What is compiled as the kernel's takes its types from portable/include, all else those of C.
COMPILE_CAPTURE = $(CLANG) --target=wasm32-wasi -O2 -flto -msimd128 -std=gnu11 -D_GNU_SOURCE -fno-strict-aliasing -DVERSION='"$(HELPER_VERSION)"' \
	-Dclock_gettime=capture_gettime -DCLOCK_BOOTTIME=CLOCK_MONOTONIC -Wall -Wextra -Werror -Wno-unused-parameter
AS_KERNEL := -Wno-unused-function -Wno-sign-compare -Ibpf/portable/include -Ibpf
AS_HELPER := -Ibpf/portable/helper -Ibpf -Ibpf/helper

$(CAPTURE_BUILD)/machine.o $(CAPTURE_BUILD)/sockets.o: $(CAPTURE_BUILD)/%.o: bpf/portable/%.c bpf/kernel/upstreamtop.bpf.c $(CAPTURE_HEADERS)
	@mkdir -p $(@D)
	$(COMPILE_CAPTURE) $(AS_KERNEL) -c $< -o $@

$(CAPTURE_BUILD)/helper-%.o: bpf/helper/%.c $(CAPTURE_HEADERS)
	@mkdir -p $(@D)
	$(COMPILE_CAPTURE) $(AS_HELPER) -c $< -o $@

$(CAPTURE_BUILD)/%.o: bpf/portable/%.c $(CAPTURE_HEADERS)
	@mkdir -p $(@D)
	$(COMPILE_CAPTURE) $(AS_HELPER) -c $< -o $@

# The helper's rooms for every route are never given back.
$(CAPTURE_BUILD)/helper-tick.o: COMPILE_CAPTURE += -Dcalloc=fresh_rooms

# What defines memcpy must not be made of it, also where the linker optimizes: not in bitcode.
$(CAPTURE_BUILD)/memory.o: COMPILE_CAPTURE += -fno-lto -mbulk-memory -fno-builtin

$(HELPER_BUILD)/upstreamtop-capture.wasm: $(CAPTURE_PARTS:%=$(CAPTURE_BUILD)/%.o)
	$(CLANG) --target=wasm32-wasi -O2 -flto -mexec-model=reactor -Wl,--export-dynamic -Wl,--strip-all -Wl,-z,stack-size=1048576 $^ -o $@
