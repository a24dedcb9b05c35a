# The helper: vmlinux.h from the running kernel's BTF, the BPF object against it, its skeleton, and the program that embeds it.
CLANG ?= clang
BPFTOOL ?= bpftool
CC ?= cc
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
# Unused parameters belong to callback signatures; signs are compared as sequence numbers are.
BPF_WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
HELPER_WARNINGS := -Wall -Wextra -Werror
HELPER_VERSION := $(shell sed -n 's/.*"version": *"\(.*\)".*/\1/p' package.json | head -1)
HELPER_SOURCES := $(addprefix bpf/,probe.c options.c rights.c links.c doors.c json.c fold.c tick.c doctor.c)
BPF_HEADERS := $(addprefix bpf/,probe.h http.h maps.h layers.h exchanges.h routes.h requests.h answers.h segments.h \
	filters.h connections.h sweep.h)

build/vmlinux.h:
	@mkdir -p build
	$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c > $@

build/upstreamtop.bpf.o: bpf/upstreamtop.bpf.c $(BPF_HEADERS) build/vmlinux.h
	$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) $(BPF_WARNINGS) -Ibuild -Ibpf -c $< -o $@

build/upstreamtop.skel.h: build/upstreamtop.bpf.o
	$(BPFTOOL) gen skeleton $< name upstreamtop_bpf > $@

build/upstreamtop-probe: $(HELPER_SOURCES) bpf/helper.h bpf/probe.h build/upstreamtop.skel.h package.json
	$(CC) -g -O2 -std=gnu11 -fno-strict-aliasing -D_GNU_SOURCE -DVERSION='"$(HELPER_VERSION)"' $(HELPER_WARNINGS) -Ibuild -Ibpf \
		$(HELPER_SOURCES) -o $@ -Wl,-Bstatic -lbpf -Wl,-Bdynamic -lelf -lz
