-- Per backend over all hosts: requests, failures of requests and of connects, header and connect time.
-- Equal, to the digit, to: upstreamtop report F… --by backend
-- {from}, {to}, {grain} and namespaces: as in routes.sql.
WITH
    arrayCumSum(header_bucket.2) AS header_upto,
    arrayMap(q -> (header_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(q * header_sampled - 1e-9)), header_upto)], [0.5, 0.99]) AS header_buckets,
    arrayCumSum(connect_bucket.2) AS connect_upto,
    arrayMap(q -> (connect_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(q * connect_sampled - 1e-9)), connect_upto)], [0.5, 0.99]) AS connect_buckets,
    arrayMap(b -> if(b < 16, b, ((16 + b % 16) * exp2(intDiv(b, 16)) + exp2(intDiv(b, 16) - 1) - 1) / 2), header_buckets) AS header_middle,
    arrayMap(b -> if(b < 16, b, ((16 + b % 16) * exp2(intDiv(b, 16)) + exp2(intDiv(b, 16) - 1) - 1) / 2), connect_buckets) AS connect_middle
SELECT
    backend, netns, arrayStringConcat(names, ', ') AS name,
    connects, requests, answered, status_2xx, status_4xx, status_5xx,
    failures_reset, failures_closed, failures_aborted, failures_unanswered, failures_refused, failures_connect_timeout,
    if(unreachable_unknown > 0, NULL, unreachable) AS failures_unreachable,
    if(early_close_unknown > 0, NULL, early_close) AS failures_early_close,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[1])) / 1000) AS header_ms_p50,
    if(header_sampled = 0, NULL, least(toFloat64(header_max), greatest(toFloat64(header_min), header_middle[2])) / 1000) AS header_ms_p99,
    if(connect_sampled = 0, NULL, least(toFloat64(connect_max), greatest(toFloat64(connect_min), connect_middle[1])) / 1000) AS connect_ms_p50,
    if(connect_sampled = 0, NULL, least(toFloat64(connect_max), greatest(toFloat64(connect_min), connect_middle[2])) / 1000) AS connect_ms_p99
FROM
(
    SELECT backend, if(namespace IN ('', 'host'), 0, netns) AS netns, names,
        sumMerge(requests) AS requests, sumMerge(answered) AS answered,
        sumMerge(status_2xx) AS status_2xx, sumMerge(status_4xx) AS status_4xx, sumMerge(status_5xx) AS status_5xx,
        sumMerge(failures_reset) AS failures_reset, sumMerge(failures_closed) AS failures_closed,
        sumMerge(failures_aborted) AS failures_aborted, sumMerge(failures_unanswered) AS failures_unanswered,
        sumMerge(header_sampled) AS header_sampled, sumMapMerge(header_bucket) AS header_bucket,
        minMerge(header_min_us) AS header_min, maxMerge(header_max_us) AS header_max
    FROM upstreamtop.traffic_{grain}
    WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
        AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
    GROUP BY backend, netns, names
) AS traffic
ALL FULL JOIN
(
    SELECT backend, if(namespace IN ('', 'host'), 0, netns) AS netns, names,
        sumMerge(connects) AS connects, sumMerge(refused) AS failures_refused, sumMerge(connect_timeout) AS failures_connect_timeout,
        sumMerge(unreachable_known) AS unreachable, sumMerge(unreachable_unknown) AS unreachable_unknown,
        sumMerge(early_close_known) AS early_close, sumMerge(early_close_unknown) AS early_close_unknown,
        sumMerge(connect_sampled) AS connect_sampled, sumMapMerge(connect_bucket) AS connect_bucket,
        minMerge(connect_min_us) AS connect_min, maxMerge(connect_max_us) AS connect_max
    FROM upstreamtop.connections_{grain}
    WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
        AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
    GROUP BY backend, netns, names
) AS connections
USING (backend, netns, names)
ORDER BY requests DESC, connects DESC, backend
SETTINGS skip_unavailable_shards = 0, enable_optimize_predicate_expression = 1
