-- Per backend and route over all hosts: counts, and percentiles from the merged histograms.
-- Equal, to the digit, to: upstreamtop report F… --by route
--
-- {from} and {to} are UTC, '2026-11-22 14:00:00'. {grain} is minute, hour or second: the table that is read. A tick belongs to a range if
-- it began in it, so minute and hour are exact for ranges of whole minutes and hours; second reads each row, and is exact for any.
-- A missing shard is an error, never a smaller sum. Of a view, only the range is read (18.16 has to be told).
-- Where a namespace is the host's own, its number is not told apart: it differs between hosts.
WITH
    [0.5, 0.9, 0.95, 0.99, 0.999] AS quantiles,
    arrayCumSum(header_bucket.2) AS header_upto,
    arrayMap(q -> (header_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(q * header_sampled - 1e-9)), header_upto)], quantiles) AS header_buckets,
    arrayCumSum(total_bucket.2) AS total_upto,
    arrayMap(q -> (total_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(q * total_sampled - 1e-9)), total_upto)], quantiles) AS total_buckets,
    arrayMap(b -> if(b < 16, b, ((16 + b % 16) * exp2(intDiv(b, 16)) + exp2(intDiv(b, 16) - 1) - 1) / 2), header_buckets) AS header_middle,
    arrayMap(b -> if(b < 16, b, ((16 + b % 16) * exp2(intDiv(b, 16)) + exp2(intDiv(b, 16) - 1) - 1) / 2), total_buckets) AS total_middle
SELECT
    backend, netns, arrayStringConcat(names, ', ') AS name, method, route,
    requests, answered, status_1xx, status_2xx, status_3xx, status_4xx, status_5xx,
    failures_reset, failures_closed, failures_aborted, failures_unanswered,
    if(unseen_unknown > 0, NULL, unseen_known) AS unseen,
    if(sent_bytes_unknown > 0, NULL, sent_bytes_known) AS sent_bytes,
    if(received_bytes_unknown > 0, NULL, received_bytes_known) AS received_bytes,
    code.1 AS codes, code.2 AS code_counts,
    header_count AS header_ms_count,
    if(header_count = 0, NULL, header_sum / header_count / 1000) AS header_ms_avg,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[1])) / 1000) AS header_ms_p50,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[2])) / 1000) AS header_ms_p90,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[3])) / 1000) AS header_ms_p95,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[4])) / 1000) AS header_ms_p99,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[5])) / 1000) AS header_ms_p999,
    if(header_sampled = 0, NULL, header_max / 1000) AS header_ms_max,
    total_count AS total_ms_count,
    if(total_sampled = 0, NULL, least(toFloat64(total_max), greatest(toFloat64(total_min), total_middle[1])) / 1000) AS total_ms_p50,
    if(total_sampled = 0, NULL, least(toFloat64(total_max), greatest(toFloat64(total_min), total_middle[4])) / 1000) AS total_ms_p99
FROM
(
    SELECT
        backend, if(namespace IN ('', 'host'), 0, netns) AS netns, names, method, route,
        sumMerge(requests) AS requests, sumMerge(answered) AS answered,
        sumMerge(status_1xx) AS status_1xx, sumMerge(status_2xx) AS status_2xx, sumMerge(status_3xx) AS status_3xx,
        sumMerge(status_4xx) AS status_4xx, sumMerge(status_5xx) AS status_5xx,
        sumMerge(failures_reset) AS failures_reset, sumMerge(failures_closed) AS failures_closed,
        sumMerge(failures_aborted) AS failures_aborted, sumMerge(failures_unanswered) AS failures_unanswered,
        sumMerge(unseen_known) AS unseen_known, sumMerge(unseen_unknown) AS unseen_unknown,
        sumMerge(sent_bytes_known) AS sent_bytes_known, sumMerge(sent_bytes_unknown) AS sent_bytes_unknown,
        sumMerge(received_bytes_known) AS received_bytes_known, sumMerge(received_bytes_unknown) AS received_bytes_unknown,
        sumMapMerge(code) AS code,
        sumMerge(header_count) AS header_count, sumMerge(header_sampled) AS header_sampled, sumMerge(header_sum_us) AS header_sum,
        minMerge(header_min_us) AS header_min, maxMerge(header_max_us) AS header_max, sumMapMerge(header_bucket) AS header_bucket,
        sumMerge(total_count) AS total_count, sumMerge(total_sampled) AS total_sampled,
        minMerge(total_min_us) AS total_min, maxMerge(total_max_us) AS total_max, sumMapMerge(total_bucket) AS total_bucket
    FROM upstreamtop.traffic_{grain}
    WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
        AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
    GROUP BY backend, netns, names, method, route
)
ORDER BY requests DESC, backend, method, route
SETTINGS skip_unavailable_shards = 0, enable_optimize_predicate_expression = 1
