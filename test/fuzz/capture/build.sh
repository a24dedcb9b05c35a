#!/usr/bin/env bash
# Builds the fuzzer of captures into a folder: the machine as a library with small maps, under both sanitizers, and libFuzzer beside it.
#   build.sh FOLDER
set -euo pipefail
folder=$(realpath -m "$1")
cd "$(dirname "$0")/../../.."
mkdir -p "$folder"
# Kernel and WebAssembly read unaligned numbers.
checks=(-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1 -D_GNU_SOURCE -Wall -Wextra)
small=(-DMAX_ROUTES=16 -DMAX_BACKENDS=64 -DMAX_FLOWS=8 -DFEW_FLOWS=4 -DMAX_WIRES=4 -DMAX_BLOCKS=4 -DMAX_ATTEMPTS=64 -DRETIRE_AFTER=3 -DFOLD_CELLS=64 -DPLACES=64
  '-DLONGEST_PAUSE=(5*SECOND)')
# Without a look at each comparison (-fsanitize=fuzzer-no-link): it would be a third of a run, and the corpus has the magic numbers.
machine=("${CLANG:-clang}" "${checks[@]}" "${small[@]}" -fsanitize-coverage=inline-8bit-counters,pc-table -fPIC -std=gnu11 -fno-strict-aliasing -Wno-unused-parameter
  -Ibpf -DVERSION='"0"' -Dclock_gettime=capture_gettime)
# What the machine takes of memory is given back before the next input.
heap=(-include stdlib.h -Dmalloc=fuzz_malloc -Dcalloc=fuzz_calloc -Drealloc=fuzz_realloc -Dfree=fuzz_free -Dopen=fuzz_open -Dpread=fuzz_pread)
as_helper=(-Ibpf/portable/helper -Ibpf/helper)

"${machine[@]}" -Wno-unused-function -Wno-sign-compare -Ibpf/portable/include -c bpf/portable/machine.c -o "$folder/machine.o"
"${machine[@]}" -Ibpf/portable/include -c bpf/portable/sockets.c -o "$folder/sockets.o"
for part in bpf/portable/{maps,packets,cut,sides,sightings,files,waiting,capture}.c bpf/helper/{tick,rows,retire,backends,wires,slots,fold,json,die}.c; do
  "${machine[@]}" "${heap[@]}" "${as_helper[@]}" -c "$part" -o "$folder/$(basename "$part" .c).o"
done
"${machine[@]}" "${as_helper[@]}" -c test/fuzz/capture/machine-under-test.c -o "$folder/machine-under-test.o"
"${machine[@]}" -shared "$folder"/*.o -o "$folder/fuzz-capture.so"
# What makes inputs and puts back is not looked at: it would be half of a run.
"${CLANG:-clang}" "${checks[@]}" -O2 -c test/fuzz/capture/fuzz.c -o "$folder/fuzz.obj"
"${CLANG:-clang}" "${checks[@]}" -fsanitize=fuzzer -rdynamic "$folder/fuzz.obj" -o "$folder/fuzz-capture" -ldl
