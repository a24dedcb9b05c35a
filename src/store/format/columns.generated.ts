/** Made by `make counters` from src/frame/model/counters.ts: change that file. */
/** Counts of a (backend, route). */
export const COUNT_COLUMNS: readonly string[] = [
  'requests',
  'answered',
  'status_1xx',
  'status_2xx',
  'status_3xx',
  'status_4xx',
  'status_5xx',
  'reset',
  'closed',
  'aborted',
  'unanswered',
  'interim',
  'retransmits',
  'retries',
  'body_reset',
  'in_flight',
  'oldest',
  'header_count',
  'header_sum',
  'header_sampled',
  'header_min',
  'header_max',
  'header_buckets',
  'total_count',
  'total_sum',
  'total_sampled',
  'total_min',
  'total_max',
  'total_buckets',
  'sent_bytes',
  'received_bytes',
  'unseen',
]

/** Columns of COUNT_COLUMNS that are 0 in most rows. */
export const RARE_COLUMNS: readonly string[] = [
  'status_1xx',
  'status_3xx',
  'status_4xx',
  'status_5xx',
  'reset',
  'closed',
  'aborted',
  'unanswered',
  'interim',
  'retransmits',
  'retries',
  'body_reset',
  'in_flight',
  'oldest',
]

/** Counts of a backend outside any request. */
export const CONNECTION_COLUMNS: readonly string[] = [
  'connects',
  'refused',
  'connect_timeout',
  'retransmits',
  'opaque',
  'connect_count',
  'connect_sum',
  'connect_sampled',
  'connect_min',
  'connect_max',
  'connect_buckets',
  'unreachable',
  'early_close',
  'tls_connects',
  'h2_connects',
  'fastcgi_connects',
  'uwsgi_connects',
  'scgi_connects',
  'memcached_connects',
  'other_connects',
  'sent_bytes',
  'received_bytes',
  'tls_open',
  'h2_open',
  'fastcgi_open',
  'uwsgi_open',
  'scgi_open',
  'memcached_open',
  'other_open',
]

/** Counts of the whole host: loss, excluded traffic, and the control totals. */
export const HOST_COLUMNS: readonly string[] = [
  'loss_ring_dropped',
  'loss_map_refused',
  'loss_unmatched_responses',
  'loss_ambiguous',
  'loss_evicted',
  'loss_fragments',
  'loss_half_seen',
  'loss_path_folded',
  'loss_pipeline_overflow',
  'excluded_front_door',
  'excluded_ignored',
  'excluded_not_selected',
  'excluded_routed',
  'excluded_tls',
  'excluded_h2',
  'control_segments',
  'control_starts',
  'control_continuations',
  'control_retransmits',
  'control_second_sightings',
  'control_not_http',
  'control_partial',
  'control_ambiguous',
  'control_fragments',
  'control_opaque',
  'control_excluded',
  'control_requests',
  'control_answered',
  'control_failed',
  'loss_holes',
  'control_unseen',
]

/**
 * Columns that the first files of format 1 lack. They are at the end of their table, in the order in which they were added, so that
 * an altered table equals a new one.
 */
/** Of COUNT_COLUMNS. */
export const LATER_COUNTS: readonly string[] = ['sent_bytes', 'received_bytes', 'unseen']

/** Of CONNECTION_COLUMNS. */
export const LATER_CONNECTION: readonly string[] = [
  'unreachable',
  'early_close',
  'tls_connects',
  'h2_connects',
  'fastcgi_connects',
  'uwsgi_connects',
  'scgi_connects',
  'memcached_connects',
  'other_connects',
  'sent_bytes',
  'received_bytes',
  'tls_open',
  'h2_open',
  'fastcgi_open',
  'uwsgi_open',
  'scgi_open',
  'memcached_open',
  'other_open',
]

/** Of HOST_COLUMNS. */
export const LATER_HOST: readonly string[] = ['loss_holes', 'control_unseen']
