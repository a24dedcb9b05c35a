/*
 * The kernel's types, as far as the programs read them, for a machine without a kernel: packets of a capture, and the sockets
 * that sockets.c makes of them. Pointers are the machine's own. Where a field is missing here, the programs do not compile.
 */
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10, BPF_F_CURRENT_NETNS = -1, BPF_RB_NO_WAKEUP = 1 };
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	IPPROTO_HOPOPTS = 0,
	IPPROTO_TCP = 6,
	IPPROTO_ROUTING = 43,
	IPPROTO_FRAGMENT = 44,
	IPPROTO_DSTOPTS = 60,
};
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};
enum {
	BPF_TCP_ESTABLISHED = TCP_ESTABLISHED,
	BPF_TCP_SYN_SENT = TCP_SYN_SENT,
	BPF_TCP_FIN_WAIT1 = TCP_FIN_WAIT1,
	BPF_TCP_FIN_WAIT2 = TCP_FIN_WAIT2,
	BPF_TCP_CLOSE = TCP_CLOSE,
	BPF_TCP_CLOSE_WAIT = TCP_CLOSE_WAIT,
	BPF_TCP_LAST_ACK = TCP_LAST_ACK,
	BPF_TCP_LISTEN = TCP_LISTEN,
	BPF_TCP_CLOSING = TCP_CLOSING,
};
enum { SOCK_DONE = 1 };

/* ---- packets ---- */

struct iphdr {
	__u8 ihl : 4, version : 4;
	__u8 tos;
	__u16 tot_len;
	__u16 id;
	__u16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__u16 check;
	__u32 saddr;
	__u32 daddr;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__u32 u6_addr32[4];
	} in6_u;
};

struct ipv6hdr {
	__u8 priority : 4, version : 4;
	__u8 flow_lbl[3];
	__u16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	struct in6_addr saddr;
	struct in6_addr daddr;
};

struct tcphdr {
	__u16 source;
	__u16 dest;
	__u32 seq;
	__u32 ack_seq;
	__u16 res1 : 4, doff : 4, flags : 8;
	__u16 window;
	__u16 check;
	__u16 urg_ptr;
};

/* The whole packet is in its linear part. */
struct __sk_buff {
	__u32 len;
	__u32 protocol;
	__u32 ifindex;
	__u32 cb[5];
	unsigned long data;
	unsigned long data_end;
	struct bpf_sock *sk;
};

struct sk_buff {
	__u16 network_header;
	__u16 mac_header;
	__u8 cb[48];
	struct sk_buff *next;
};

struct sock_exterr_skb {
	struct {
		__u32 ee_errno;
	} ee;
};

/* ---- sockets: a bpf_sock, a sock and a tcp_sock are one, and begin at the same address ---- */

struct bpf_sock {
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 state;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port; /* in host order */
	__u16 dst_port;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
};

struct bpf_sock_tuple {
	union {
		struct {
			__u32 saddr, daddr;
			__u16 sport, dport;
		} ipv4;
		struct {
			__u32 saddr[4], daddr[4];
			__u16 sport, dport;
		} ipv6;
	};
};

struct net {
	struct {
		__u32 inum;
	} ns;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	union {
		__u32 skc_portpair;
		struct {
			__u16 skc_dport;
			__u16 skc_num;
		};
	};
	__u16 skc_family;
	__u8 skc_state;
	__u8 skc_ipv6only;
	unsigned long skc_flags;
	struct {
		struct net *net;
	} skc_net;
};

struct net_device {
	__u32 ifindex;
};
struct dst_entry {
	struct net_device *dev;
};

struct sock {
	struct bpf_sock view;
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
	int sk_err;
	__u8 sk_shutdown;
	struct {
		__u32 val;
	} sk_uid;
	struct {
		struct sk_buff *next;
		__u32 qlen;
	} sk_error_queue;
	struct dst_entry *sk_dst_cache;
	void *sk_user_data;
};

struct tcp_sock {
	struct {
		struct {
			struct sock sk;
			__u16 inet_sport;
		} icsk_inet;
	} inet_conn;
	struct {
		__u32 num_sacks;
	} rx_opt;
	struct {
		__u32 start_seq, end_seq;
	} selective_acks[4];
	__u32 rcv_nxt;
	__u32 rcv_wup;
	__u32 rcv_wnd;
	__u32 copied_seq;
	__u32 snd_una;
	__u32 write_seq;
	__u32 max_window;
	__u32 segs_in;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
};

struct bpf_sock_addr {
	__u32 protocol;
	__u32 user_ip4;
	__u32 user_ip6[4];
	__u32 user_port;
};

/* ---- processes: there is one, and it is nginx ---- */

struct cred {
	struct {
		__u32 val;
	} uid, euid;
};
struct super_block {
	__u32 s_dev;
};
struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};
struct file {
	struct inode *f_inode;
};
struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
};
struct signal_struct {
	struct {
		int counter;
	} live;
};
struct nsproxy {
	struct net *net_ns;
};
struct upid {
	int nr;
};
struct pid {
	__u32 level;
	struct upid numbers[1];
};
struct task_struct {
	__u32 pid;
	__u32 tgid;
	char comm[16];
	struct task_struct *real_parent;
	struct cred *real_cred;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct nsproxy *nsproxy;
	struct pid *thread_pid;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_map;
