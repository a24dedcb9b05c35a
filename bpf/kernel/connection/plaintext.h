/*
 * Requests within TLS, from their socket's view: how their connection ends. They are read in nginx's memory (hooks/plaintext.h),
 * and nginx reads the last answer after its FIN or RST has arrived. So neither ends anything here: it is noted, and counts when
 * nginx has read all, or closes the connection.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"
#include "kernel/state/flow.h"
#include "kernel/state/maps.h"
#include "kernel/counting/exchanges.h"
#include "flows.h"

static __always_inline void forget_plaintext(__u64 socket, struct flow *f)
{
	int other = f->nginx != NGINX_OF_ROOT;

	delete_line(f);
	if (!bpf_map_delete_elem(&plaintexts, &socket) && other)
		ADD(plaintexts_of_others, -1);
}

/* nginx closes the connection. It has read what it wanted. */
static __always_inline void end_plaintext(__u64 socket, struct flow *f)
{
	end_all(f, f->closed ? OUTCOME_RESET : OUTCOME_ABORTED, bpf_ktime_get_ns());
	forget_plaintext(socket, f);
}

#define EPIPE 32

/* `to`: the new state. */
static __always_inline void plaintext_goes_on(const struct sock *sk, __u64 socket, int to)
{
	struct flow *f = reads_tls ? bpf_map_lookup_elem(&plaintexts, &socket) : 0;

	if (!f)
		return;
	if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK)
		end_plaintext(socket, f);
	else if (to == TCP_CLOSE && sk->sk_err == EPIPE)
		*(volatile __u8 *)&f->fin_in = 1; /* a RST behind a FIN */
	else if (to == TCP_CLOSE && sk->sk_err)
		*(volatile __u8 *)&f->closed = 1;
}

static __always_inline void plaintext_over(const struct sock *sk, __u64 socket)
{
	struct flow *f = reads_tls ? bpf_map_lookup_elem(&plaintexts, &socket) : 0;

	if (f)
		end_plaintext(socket, f);
}

/* Of a socket whose end was not seen, and that had nothing to say for so long. */
#define PLAINTEXT_IDLE (3600 * SECOND)
