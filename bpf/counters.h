/* Made by `make counters` from src/frame/model/counters.ts: change that file. */
#pragma once

/* Lists of counters: COUNT(word) is applied to each, BYTES(word) to byte totals, which may exceed 2^53. */

/* Counters of a slot, by the program that adds to them. `requests` is separate, because it is read last. */
#define SLOT_ENDING(COUNT, BYTES) \
	COUNT(answered) \
	COUNT(reset) \
	COUNT(closed) \
	COUNT(interim) \
	BYTES(received_bytes)
#define SLOT_SENDING(COUNT, BYTES) \
	COUNT(aborted) \
	COUNT(unanswered) \
	COUNT(retransmits) \
	COUNT(retries) \
	COUNT(body_reset) \
	BYTES(sent_bytes) \
	COUNT(unseen)

#define ROUTE_FAILURES(COUNT, BYTES) \
	COUNT(reset) \
	COUNT(closed) \
	COUNT(aborted) \
	COUNT(unanswered)

/* Columns of a row on the wire: those of the first version, and those that were added at the end. */
#define TRAFFIC_COLUMNS(COUNT, BYTES) \
	COUNT(requests) \
	COUNT(answered) \
	COUNT(reset) \
	COUNT(closed) \
	COUNT(aborted) \
	COUNT(unanswered) \
	COUNT(interim) \
	COUNT(retransmits) \
	COUNT(retries) \
	COUNT(body_reset)
#define TRAFFIC_COLUMNS_LATER(COUNT, BYTES) \
	BYTES(sent_bytes) \
	BYTES(received_bytes) \
	COUNT(unseen)
#define BACKEND_COUNTERS(COUNT, BYTES) \
	COUNT(connects) \
	COUNT(refused) \
	COUNT(connect_timeout) \
	COUNT(retransmits) \
	COUNT(opaque) \
	COUNT(unreachable) \
	COUNT(early_close) \
	COUNT(tls_connects) \
	COUNT(h2_connects) \
	COUNT(fastcgi_connects) \
	COUNT(uwsgi_connects) \
	COUNT(scgi_connects) \
	COUNT(memcached_connects) \
	COUNT(other_connects) \
	BYTES(sent_bytes) \
	BYTES(received_bytes) \
	COUNT(h2_requests) \
	COUNT(grpc_requests) \
	COUNT(tls_requests)
#define BACKEND_GAUGES(COUNT) \
	COUNT(tls_open) \
	COUNT(h2_open) \
	COUNT(fastcgi_open) \
	COUNT(uwsgi_open) \
	COUNT(scgi_open) \
	COUNT(memcached_open) \
	COUNT(other_open)
#define CONNECTION_COLUMNS(COUNT, BYTES) \
	COUNT(connects) \
	COUNT(refused) \
	COUNT(connect_timeout) \
	COUNT(retransmits) \
	COUNT(opaque)
#define CONNECTION_COLUMNS_LATER(COUNT, BYTES) \
	COUNT(unreachable) \
	COUNT(early_close) \
	COUNT(tls_connects) \
	COUNT(h2_connects) \
	COUNT(fastcgi_connects) \
	COUNT(uwsgi_connects) \
	COUNT(scgi_connects) \
	COUNT(memcached_connects) \
	COUNT(other_connects) \
	BYTES(sent_bytes) \
	BYTES(received_bytes) \
	COUNT(tls_open) \
	COUNT(h2_open) \
	COUNT(fastcgi_open) \
	COUNT(uwsgi_open) \
	COUNT(scgi_open) \
	COUNT(memcached_open) \
	COUNT(other_open) \
	COUNT(h2_requests) \
	COUNT(grpc_requests) \
	COUNT(tls_requests)

/* Totals, with an entry per CPU: how each payload segment was classified, what was lost, what was excluded. */
enum total {
	T_SEGMENTS, /* all payload segments */
	T_STARTS, /* a message begins in it */
	T_CONTINUATIONS, /* a message continues in it */
	T_RETRANSMITS, /* no new bytes, on the interface where they were first seen */
	T_SECOND_SIGHTINGS, /* no new bytes, on another interface */
	T_NOT_HTTP, /* of a flow that is not HTTP/1 */
	T_PARTIAL, /* ahead of a hole: counted, not read */
	T_AMBIGUOUS, /* of a flow whose state was lost */
	T_FRAGMENTS, /* IP fragments */
	T_OPAQUE, /* TLS, h2, tunnels */
	T_EXCLUDED, /* excluded, for any reason */
	T_REQUESTS, /* over all routes */
	T_ANSWERED, /* over all routes */
	T_FAILED, /* over all routes */
	T_UNSEEN, /* over all routes */
	L_RING_DROPPED, /* events for which the ring was full: percentiles use fewer requests */
	L_MAP_REFUSED, /* requests for which a table was full */
	L_UNMATCHED_RESPONSES, /* answers to requests that were not seen */
	L_AMBIGUOUS, /* requests whose answer could not be determined */
	L_EVICTED, /* flows given up because their socket was gone */
	L_FRAGMENTS, /* IP fragments */
	L_HALF_SEEN, /* flows of which a direction, or both, was not seen */
	L_PATH_FOLDED, /* paths that were cut */
	L_PIPELINE_OVERFLOW, /* requests beyond eight on a connection */
	L_HOLES, /* spans of bytes that passed unseen */
	X_FRONT_DOOR, /* clients of a local nginx */
	X_IGNORED, /* --ignore */
	X_NOT_SELECTED, /* not in --only */
	X_ROUTED, /* sent by no socket of this host */
	X_TLS, /* TLS */
	X_H2, /* HTTP/2 */
	X_NOT_NGINX, /* --nginx-only: sent by no nginx */
	TOTALS,
};

/* Their words on the wire. */
#define CONTROL_WORDS(TOTAL) \
	TOTAL(T_SEGMENTS, "segments") \
	TOTAL(T_STARTS, "starts") \
	TOTAL(T_CONTINUATIONS, "continuations") \
	TOTAL(T_RETRANSMITS, "retransmits") \
	TOTAL(T_SECOND_SIGHTINGS, "second_sightings") \
	TOTAL(T_NOT_HTTP, "not_http") \
	TOTAL(T_PARTIAL, "partial") \
	TOTAL(T_AMBIGUOUS, "ambiguous") \
	TOTAL(T_FRAGMENTS, "fragments") \
	TOTAL(T_OPAQUE, "opaque") \
	TOTAL(T_EXCLUDED, "excluded") \
	TOTAL(T_REQUESTS, "requests") \
	TOTAL(T_ANSWERED, "answered") \
	TOTAL(T_FAILED, "failed") \
	TOTAL(T_UNSEEN, "unseen")
#define LOSS_WORDS(TOTAL) \
	TOTAL(L_RING_DROPPED, "ring_dropped") \
	TOTAL(L_MAP_REFUSED, "map_refused") \
	TOTAL(L_UNMATCHED_RESPONSES, "unmatched_responses") \
	TOTAL(L_AMBIGUOUS, "ambiguous") \
	TOTAL(L_EVICTED, "evicted") \
	TOTAL(L_FRAGMENTS, "fragments") \
	TOTAL(L_HALF_SEEN, "half_seen") \
	TOTAL(L_PATH_FOLDED, "path_folded") \
	TOTAL(L_PIPELINE_OVERFLOW, "pipeline_overflow") \
	TOTAL(L_HOLES, "holes")
#define EXCLUDED_WORDS(TOTAL) \
	TOTAL(X_FRONT_DOOR, "front_door") \
	TOTAL(X_IGNORED, "ignored") \
	TOTAL(X_NOT_SELECTED, "not_selected") \
	TOTAL(X_ROUTED, "routed") \
	TOTAL(X_TLS, "tls") \
	TOTAL(X_H2, "h2") \
	TOTAL(X_NOT_NGINX, "not_nginx")
