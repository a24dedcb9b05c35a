/* Structures are as vmlinux.h has them. A null pointer on the way is 0, as in the kernel. */
#pragma once

#define CORE_READ_1(p, a)		    ((p)->a)
#define CORE_READ_2(p, a, b)		    ((p)->a ? (p)->a->b : 0)
#define CORE_READ_3(p, a, b, c)		    ((p)->a && (p)->a->b ? (p)->a->b->c : 0)
#define CORE_READ_4(p, a, b, c, d)	    ((p)->a && (p)->a->b && (p)->a->b->c ? (p)->a->b->c->d : 0)
#define CORE_READ_OF(a, b, c, d, name, ...) name
#define BPF_CORE_READ(p, ...)		    CORE_READ_OF(__VA_ARGS__, CORE_READ_4, CORE_READ_3, CORE_READ_2, CORE_READ_1)(p, __VA_ARGS__)
#define BPF_CORE_READ_INTO(to, p, a)	    __builtin_memcpy(to, &(p)->a, sizeof(*(to)))
#define bpf_core_read(to, size, from)	    (__builtin_memcpy(to, from, size), 0)
#define bpf_core_field_exists(field)	    1
#define BPF_CORE_READ_BITFIELD_PROBED(p, a) ((p)->a)
