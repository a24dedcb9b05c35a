/*
 * The socket of nginx's end of each connection, made from its packets. It is what the kernel would have there, as far as packets
 * tell: what nginx has read, that it has closed a socket without a packet, and errors that reached no wire they do not. A connect
 * that nobody answers is given up after a silence, as NUMBERS.md says for a recorder that sees no sockets.
 */
#define PROGRAMS
#include "errors.h"
#include <string.h>
#include "bpf/bpf_helpers.h"
#include "kernel/packet/sequence.h"
#include "maps.h"
#include "sockets.h"

#define SECOND	      1000000000ULL
#define MAX_SOCKETS   262144
#define FORGET_AFTER  (3600 * SECOND) /* without a packet */
#define SHUTDOWN_MASK 3
#define SOCK_STREAM   1
#define AF_INET	      2
#define AF_INET6      10
/* A peer's window is not always known, and a capture has only what was accepted, or was never acknowledged. */
#define ANY_WINDOW (1 << 25)
/* Acknowledged beyond what was captured. */
#define MAX_UNSEEN (1 << 24)

struct socket {
	struct tcp_sock tcp; /* first: the programs' pointers are to it */
	__u32 isn;
	__u32 peer_fin; /* its sequence number */
	__u8 has_peer_fin;
	__u8 fin_sent;
	__u8 has_icmp_error; /* while it connected */
	__u8 is_reset;	     /* it ends with sk_err, as soon as it is sure that nothing was sent before */
	__u32 end_sent;	     /* behind all that was captured of what was sent */
	__u64 syn_ns, syn_gap_ns;
	__u64 heard_ns;
};

/* A pointer, because elements of a map may be given to another connection when they are deleted. */
static struct {
	int (*type)[BPF_MAP_TYPE_HASH];
} sockets;

static struct net network;
static struct net_device device = {.ifindex = 2};
static struct dst_entry route = {.dev = &device};
static struct sk_buff no_error;

static void open_sockets(void)
{
	if (!sockets.type)
		map_open(&sockets, BPF_MAP_TYPE_LRU_HASH, sizeof(struct ends), sizeof(struct socket), MAX_SOCKETS);
}

struct socket *socket_of(const struct ends *ends)
{
	open_sockets();
	return map_find(&sockets, ends);
}

struct sock *sock_of(struct socket *s)
{
	return &s->tcp.inet_conn.icsk_inet.sk;
}

int is_closed(const struct socket *s)
{
	return s->tcp.inet_conn.icsk_inet.sk.view.state == TCP_CLOSE;
}

static void set_state(struct socket *s, int to)
{
	struct sock *sk = sock_of(s);
	int from = sk->view.state;

	if (from == to)
		return;
	/* the tracepoint comes before the state */
	state_changes(sk, from, to);
	sk->view.state = to;
	sk->__sk_common.skc_state = to;
}

static void make(struct socket *s, const struct ends *ends)
{
	struct sock *sk = sock_of(s);
	struct sock_common *c = &sk->__sk_common;

	memset(s, 0, sizeof(*s));
	sk->view.type = SOCK_STREAM;
	sk->view.protocol = sk->sk_protocol = IPPROTO_TCP;
	sk->sk_type = SOCK_STREAM;
	sk->view.family = c->skc_family = ends->family == 4 ? AF_INET : AF_INET6;
	sk->view.state = c->skc_state = TCP_CLOSE;
	sk->view.dst_port = c->skc_dport = ends->server_port;
	sk->view.src_port = c->skc_num = __builtin_bswap16(ends->client_port);
	s->tcp.inet_conn.icsk_inet.inet_sport = ends->client_port;
	if (ends->family == 4) {
		sk->view.dst_ip4 = c->skc_daddr = ends->server[0];
		sk->view.src_ip4 = c->skc_rcv_saddr = ends->client[0];
	} else {
		memcpy(sk->view.dst_ip6, ends->server, 16);
		memcpy(sk->view.src_ip6, ends->client, 16);
		memcpy(&c->skc_v6_daddr, ends->server, 16);
		memcpy(&c->skc_v6_rcv_saddr, ends->client, 16);
	}
	c->skc_net.net = &network;
	sk->sk_dst_cache = &route;
	sk->sk_error_queue.next = &no_error;
	s->tcp.max_window = ANY_WINDOW;
	s->tcp.rcv_wnd = ANY_WINDOW;
}

static struct socket *add(const struct ends *ends)
{
	static struct socket empty;

	open_sockets();
	map_put(&sockets, ends, &empty, BPF_ANY);
	struct socket *s = map_find(&sockets, ends);
	make(s, ends);
	return s;
}

static void begin(struct socket *s, const struct segment *segment)
{
	s->isn = segment->seq;
	s->tcp.snd_una = segment->seq;
	s->end_sent = s->tcp.write_seq = segment->seq + 1;
	set_state(s, TCP_SYN_SENT);
}

/* Its SYN was not captured. */
static void pick_up(struct socket *s, const struct segment *segment)
{
	struct sock *sk = sock_of(s);

	sk->view.state = sk->__sk_common.skc_state = TCP_ESTABLISHED;
	s->isn = segment->seq - 1;
	s->end_sent = s->tcp.write_seq = s->tcp.snd_una = segment->seq;
	s->tcp.rcv_nxt = s->tcp.rcv_wup = s->tcp.copied_seq = segment->ack;
}

/* It goes on, so its SYN was answered, by a segment that was not captured. */
static void take_unseen_answer(struct socket *s, const struct segment *segment)
{
	s->tcp.rcv_nxt = s->tcp.rcv_wup = s->tcp.copied_seq = segment->ack;
	s->tcp.snd_una = s->isn + 1;
	set_state(s, TCP_ESTABLISHED);
}

static void count_sent(struct socket *s, const struct segment *segment)
{
	/* Fast Open: behind the SYN */
	__u32 from = segment->seq + !!(segment->flags & FLAG_SYN), end = from + segment->length;

	s->tcp.bytes_sent += segment->length;
	if (seq_before(from, s->end_sent)) {
		__u32 again = s->end_sent - from;

		s->tcp.bytes_retrans += again < segment->length ? again : segment->length;
	}
	if (seq_before(s->end_sent, end))
		s->end_sent = end;
	if (seq_before(s->tcp.write_seq, end))
		s->tcp.write_seq = end;
}

/*
 * What nginx's own segments acknowledge it has received, whether or not it was captured. The peer has sent it after what nginx
 * had sent before: so what nginx sent before this segment has arrived at the peer, also where the capture lacks it.
 */
static void take_acknowledged(struct socket *s, const struct segment *segment)
{
	__u32 ack = segment->ack;

	/* how far nginx has read no packet tells, but not farther than this */
	if (seq_before(s->tcp.copied_seq, ack))
		s->tcp.copied_seq = ack;
	if (!seq_before(s->tcp.rcv_nxt, ack))
		return;
	if (seq_before(s->tcp.snd_una, segment->seq))
		s->tcp.snd_una = segment->seq;
	s->tcp.bytes_received += ack - s->tcp.rcv_nxt;
	s->tcp.rcv_nxt = s->tcp.rcv_wup = ack;
}

/* nginx closes it. */
static void close_side(struct socket *s)
{
	struct sock *sk = sock_of(s);

	sk->sk_shutdown = SHUTDOWN_MASK;
	s->fin_sent = 1;
	if (sk->view.state == TCP_ESTABLISHED)
		set_state(s, TCP_FIN_WAIT1);
	else if (sk->view.state == TCP_CLOSE_WAIT)
		set_state(s, TCP_LAST_ACK);
}

static int lies_ahead(__u32 known, __u32 number)
{
	return seq_before(known, number) && number - known < MAX_UNSEEN;
}

int is_early(const struct socket *s, const struct segment *segment, int leaves)
{
	/* what was acknowledged and is missing even so, is waited for no longer */
	__u32 sent = seq_before(s->end_sent, s->tcp.snd_una) ? s->tcp.snd_una : s->end_sent, received = s->tcp.rcv_nxt;

	if (!(segment->flags & FLAG_ACK) || is_closed(s))
		return 0;
	if (s->tcp.inet_conn.icsk_inet.sk.view.state == TCP_SYN_SENT)
		return leaves ? !(segment->flags & FLAG_SYN) : lies_ahead(sent, segment->ack);
	if (leaves)
		return lies_ahead(received, segment->ack) ||
		       ((segment->length || segment->flags & (FLAG_FIN | FLAG_RST)) && lies_ahead(sent, segment->seq));
	/* data and a FIN are put in order behind here, a RST is not */
	return lies_ahead(sent, segment->ack) || ((segment->flags & FLAG_RST) && lies_ahead(received, segment->seq));
}

int is_of_new_connection(const struct segment *segment, __u32 isn, int leaves)
{
	__u32 number = leaves ? segment->seq : segment->ack;

	return !seq_before(number, isn) && number - isn < MAX_UNSEEN;
}

int is_behind_ack(const struct socket *s, const struct segment *segment)
{
	return segment->length && !seq_before(segment->seq, s->end_sent) &&
	       !seq_before(s->tcp.snd_una, segment->seq + segment->length);
}

static void end_reset(struct socket *s)
{
	s->is_reset = 0;
	set_state(s, TCP_CLOSE);
}

void socket_has_sent(struct socket *s)
{
	if (s->is_reset)
		end_reset(s);
}

struct socket *socket_sends(struct socket *s, const struct ends *ends, const struct segment *segment)
{
	int is_syn = (segment->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	/* an error that found the socket in use ends it with the next one: the attempt goes on, and has failed already */
	int goes_on = s && is_syn && s->has_icmp_error && s->isn == segment->seq;

	if (!s || (is_syn && !goes_on && (is_closed(s) || s->is_reset || s->isn != segment->seq))) {
		if (s && !is_closed(s)) {
			if (!s->is_reset)
				sock_of(s)->sk_shutdown = SHUTDOWN_MASK;
			set_state(s, TCP_CLOSE);
		}
		s = add(ends);
		if (is_syn)
			begin(s, segment);
		else
			pick_up(s, segment);
	} else if (is_syn) {
		s->syn_gap_ns = bpf_ktime_get_ns() - s->syn_ns;
	}
	if (is_syn)
		s->syn_ns = bpf_ktime_get_ns();
	s->heard_ns = bpf_ktime_get_ns();
	if (sock_of(s)->view.state == TCP_SYN_SENT && (segment->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) == FLAG_ACK)
		take_unseen_answer(s, segment);
	if ((segment->flags & FLAG_ACK) && !is_syn)
		take_acknowledged(s, segment);
	if (segment->length)
		count_sent(s, segment);
	if (segment->flags & FLAG_RST) {
		sock_of(s)->sk_shutdown = SHUTDOWN_MASK;
		set_state(s, TCP_CLOSE);
	} else if ((segment->flags & FLAG_FIN) && !s->fin_sent) {
		close_side(s);
		s->end_sent = s->tcp.write_seq = segment->seq + segment->length + 1;
	}
	return s;
}

/* ---- what arrives ---- */

static void take_refusal(struct socket *s, const struct segment *segment)
{
	if (!(segment->flags & FLAG_ACK) || segment->ack == s->isn || seq_before(s->end_sent, segment->ack))
		return;
	sock_of(s)->sk_err = KERNEL_ECONNREFUSED;
	set_state(s, TCP_CLOSE);
}

static void take_syn_ack(struct socket *s, const struct segment *segment)
{
	if (!(segment->flags & FLAG_SYN) || !(segment->flags & FLAG_ACK) || seq_before(segment->ack, s->isn + 1))
		return;
	s->tcp.rcv_nxt = s->tcp.rcv_wup = s->tcp.copied_seq = segment->seq + 1;
	s->tcp.snd_una = segment->ack;
	set_state(s, TCP_ESTABLISHED);
}

static void keep_range(struct socket *s, __u32 from, __u32 to)
{
	struct tcp_sock *tcp = &s->tcp;

	if (tcp->rx_opt.num_sacks < 4) {
		tcp->selective_acks[tcp->rx_opt.num_sacks].start_seq = from;
		tcp->selective_acks[tcp->rx_opt.num_sacks++].end_seq = to;
	}
}

static void take_ranges(struct socket *s)
{
	struct tcp_sock *tcp = &s->tcp;
	int changed = 1;

	while (changed) {
		changed = 0;
		for (__u32 i = 0; i < tcp->rx_opt.num_sacks; i++) {
			if (seq_before(tcp->rcv_nxt, tcp->selective_acks[i].start_seq))
				continue;
			if (seq_before(tcp->rcv_nxt, tcp->selective_acks[i].end_seq)) {
				tcp->bytes_received += tcp->selective_acks[i].end_seq - tcp->rcv_nxt;
				tcp->rcv_nxt = tcp->selective_acks[i].end_seq;
			}
			tcp->selective_acks[i] = tcp->selective_acks[--tcp->rx_opt.num_sacks];
			changed = 1;
			break;
		}
	}
}

static void take_data(struct socket *s, const struct segment *segment)
{
	__u32 end = segment->seq + segment->length;

	if (seq_before(s->tcp.rcv_nxt, segment->seq))
		keep_range(s, segment->seq, end);
	else if (seq_before(s->tcp.rcv_nxt, end)) {
		s->tcp.bytes_received += end - s->tcp.rcv_nxt;
		s->tcp.rcv_nxt = end;
		take_ranges(s);
	}
	s->tcp.rcv_wup = s->tcp.rcv_nxt;
}

static void take_fin(struct socket *s)
{
	struct sock *sk = sock_of(s);

	s->has_peer_fin = 0;
	s->tcp.rcv_nxt++;
	s->tcp.bytes_received++;
	sk->__sk_common.skc_flags |= 1UL << SOCK_DONE;
	if (sk->view.state == TCP_ESTABLISHED)
		set_state(s, TCP_CLOSE_WAIT);
	else if (sk->view.state == TCP_FIN_WAIT1)
		set_state(s, TCP_CLOSING);
	else if (sk->view.state == TCP_FIN_WAIT2)
		set_state(s, TCP_CLOSE);
}

static void take_ack(struct socket *s, __u32 ack)
{
	struct sock *sk = sock_of(s);

	/* what was sent may be missing in the capture, or come after its ACK: `end_sent` waits for it */
	if (seq_before(s->tcp.write_seq, ack) && ack - s->tcp.write_seq < MAX_UNSEEN)
		s->tcp.write_seq = ack;
	if (seq_before(s->tcp.snd_una, ack) && !seq_before(s->tcp.write_seq, ack))
		s->tcp.snd_una = ack;
	if (!s->fin_sent || s->tcp.snd_una != s->tcp.write_seq)
		return;
	if (sk->view.state == TCP_FIN_WAIT1)
		set_state(s, TCP_FIN_WAIT2);
	else if (sk->view.state == TCP_CLOSING || sk->view.state == TCP_LAST_ACK)
		set_state(s, TCP_CLOSE);
}

/* RFC 5961: only the next number ends a connection. */
static void take_reset(struct socket *s, const struct segment *segment)
{
	if (segment->seq != s->tcp.rcv_nxt)
		return;
	sock_of(s)->sk_err = sock_of(s)->view.state == TCP_CLOSE_WAIT ? KERNEL_EPIPE : KERNEL_ECONNRESET;
	/* A request that is written on another processor meanwhile is behind it in the capture, and before it in the socket. */
	if (s->tcp.write_seq == s->isn + 1)
		s->is_reset = 1;
	else
		set_state(s, TCP_CLOSE);
}

/* The error that was booked as its end was none: it connects after all. */
static void connect_again(struct socket *s)
{
	s->has_icmp_error = 0;
	sock_of(s)->sk_err = 0;
	set_state(s, TCP_SYN_SENT);
}

void socket_receives(struct socket *s, const struct segment *segment)
{
	if (s->has_icmp_error && (segment->flags & FLAG_SYN) && (segment->flags & FLAG_ACK) && segment->ack == s->isn + 1)
		connect_again(s);
	if (is_closed(s) || s->is_reset)
		return;
	s->heard_ns = bpf_ktime_get_ns();
	s->tcp.segs_in++;
	if (sock_of(s)->view.state == TCP_SYN_SENT) {
		if (segment->flags & FLAG_RST)
			take_refusal(s, segment);
		else
			take_syn_ack(s, segment);
		return;
	}
	if (segment->flags & FLAG_RST) {
		take_reset(s, segment);
		return;
	}
	if (segment->flags & FLAG_ACK)
		take_ack(s, segment->ack);
	if (segment->length)
		take_data(s, segment);
	if (segment->flags & FLAG_FIN) {
		s->has_peer_fin = 1;
		s->peer_fin = segment->seq + segment->length;
	}
	if (s->has_peer_fin && s->peer_fin == s->tcp.rcv_nxt)
		take_fin(s);
}

void socket_fails(struct socket *s, int error)
{
	if (sock_of(s)->view.state != TCP_SYN_SENT)
		return;
	s->has_icmp_error = 1;
	sock_of(s)->sk_err = error;
	set_state(s, TCP_CLOSE);
}

/* ---- once per second ---- */

static int has_timed_out(const struct socket *s, __u64 now)
{
	__u64 patience = 2 * s->syn_gap_ns;

	if (patience < 3 * SECOND)
		patience = 3 * SECOND;
	return now > s->syn_ns + patience + patience / 10;
}

static long sweep_socket(void *map, void *ends, void *value, void *context)
{
	struct socket *s = value;
	__u64 now = bpf_ktime_get_ns();

	if (s->is_reset)
		end_reset(s);
	if (sock_of(s)->view.state == TCP_SYN_SENT && has_timed_out(s, now)) {
		sock_of(s)->sk_shutdown = SHUTDOWN_MASK;
		set_state(s, TCP_CLOSE);
	}
	/* a closed one a little longer: what arrives late is its */
	if (now > s->heard_ns + (is_closed(s) ? 60 * SECOND : FORGET_AFTER)) {
		if (!is_closed(s)) {
			sock_of(s)->sk_shutdown = SHUTDOWN_MASK;
			set_state(s, TCP_CLOSE);
		}
		map_remove(map, ends);
	}
	return 0;
}

void sockets_sweep(void)
{
	open_sockets();
	map_each(&sockets, sweep_socket, NULL);
}
