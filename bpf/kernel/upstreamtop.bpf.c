/*
 * Two programs read nginx's upstream connections, and the helper runs a sweep once per second. They change no packet, and let
 * each pass. They are compiled twice: for interfaces (tcx), and for a control group (BY_CGROUP); and once more for what nginx
 * writes and reads within TLS (FROM_MEMORY). What connecting comes to is told by nginx's sockets, to three tracing programs and
 * to hooks of the root control group. The programs themselves are in hooks/.
 *
 * The folders in their order: a header includes only from its own folder and from those before it.
 *
 * - parser/: bytes, line, head: request lines, status lines and header fields; chunked, status, proxy, protocol; h2, huffman.
 *   Pure
 * - state/: flow: a connection; frames: HTTP/2; lock: of a direction; attempt: a socket of nginx; maps; scratch: memory per
 *   CPU; source: a packet, or the memory of nginx
 * - packet/: headers: skb to TCP; numbers; ports; sequence; chunks: reading the payload
 * - host/: sockets, processes, sender: this host's sockets and processes; descent: instances of nginx; listeners, listening,
 *   own-doors: its listen ports
 * - scope/: packets: excluded by ports; filters: which flows are; excluded: what is counted of these
 * - counting/: exchange, exchanges, byte-counts, codes; established: connects; holes: how many, and `unseen`; routes: from
 *   a request line to its slot; wires: where NAT leads
 * - http1/: begin, requests, answers; stepwise: chunks, odd status lines, PROXY headers
 * - http2/: frames: a segment piece by piece; requests, answers
 * - connection/: flows: look-up; segments: sequence numbers; reading: step by step; holes, passed: what passed unseen;
 *   validation: RFC 5961; connections: SYN, FIN, RST; midstream: connections older than the recorder; sweep: timeouts;
 *   attempts, connect-calls, connects: how nginx's sockets connect; unread: their bytes where requests cannot be read; sockmap:
 *   bytes that become no packets; translation: NAT; asking: clients of nginx; encrypted, plaintext, plaintext-reading: --tls
 * - hooks/: the programs that see packets: interfaces, cgroup; passing: what both do with a packet; socket-packets: skb to
 *   packet with its socket; plaintext: the uprobes of --tls
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include "shared.h"
#include "kernel/parser/http.h"
#include "kernel/state/maps.h"
#include "kernel/state/attempt.h"
#include "kernel/state/scratch.h"
#include "kernel/packet/headers.h"
#include "kernel/packet/ports.h"
#include "kernel/host/sockets.h"
#include "kernel/host/processes.h"
#include "kernel/host/sender.h"
#include "kernel/host/descent.h"
#include "kernel/host/listeners.h"
#include "kernel/host/listening.h"
#include "kernel/scope/packets.h"
#include "kernel/counting/exchanges.h"
#include "kernel/counting/routes.h"
#include "kernel/counting/wires.h"
#include "kernel/packet/chunks.h"
#include "kernel/http1/begin.h"
#include "kernel/http1/requests.h"
#include "kernel/http1/answers.h"
#include "kernel/http2/requests.h"
#include "kernel/http2/answers.h"
#if FROM_MEMORY
#include "kernel/hooks/plaintext.h"
#else
#include "kernel/connection/validation.h"
#include "kernel/connection/segments.h"
#include "kernel/scope/filters.h"
#include "kernel/connection/flows.h"
#include "kernel/connection/translation.h"
#include "kernel/connection/attempts.h"
#include "kernel/connection/connect-calls.h"
#include "kernel/connection/unread.h"
#include "kernel/connection/connects.h"
#include "kernel/connection/connections.h"
#include "kernel/connection/midstream.h"
#include "kernel/connection/sweep.h"
#if BY_CGROUP
#include "kernel/hooks/cgroup.h"
#else
#include "kernel/hooks/interfaces.h"
#endif
#endif

char LICENSE[] SEC("license") = "GPL";
