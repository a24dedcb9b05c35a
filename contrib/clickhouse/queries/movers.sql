-- What changed between two ranges that don't overlap, {base_from} to {base_to} and {target_from} to {target_to}: the routes whose requests
-- waited longer, or failed more often, than at the base's rate. extra_wait_s is what all requests of the target waited longer, in seconds.
-- {grain}: as in routes.sql.
WITH
    arrayCumSum(base_bucket.2) AS base_upto,
    (base_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(0.99 * base_sampled - 1e-9)), base_upto)] AS base_p99_bucket,
    if(base_p99_bucket < 16, base_p99_bucket, ((16 + base_p99_bucket % 16) * exp2(intDiv(base_p99_bucket, 16)) + exp2(intDiv(base_p99_bucket, 16) - 1) - 1) / 2) AS base_middle,
    arrayCumSum(target_bucket.2) AS target_upto,
    (target_bucket.1)[arrayFirstIndex(n -> n >= greatest(1, ceil(0.99 * target_sampled - 1e-9)), target_upto)] AS target_p99_bucket,
    if(target_p99_bucket < 16, target_p99_bucket, ((16 + target_p99_bucket % 16) * exp2(intDiv(target_p99_bucket, 16)) + exp2(intDiv(target_p99_bucket, 16) - 1) - 1) / 2) AS target_middle
SELECT
    backend, netns, arrayStringConcat(names, ', ') AS name, method, route,
    base_requests, target_requests, base_bad, target_bad,
    if(base_sampled = 0, NULL, least(toFloat64(base_max), greatest(toFloat64(base_min), base_middle)) / 1000) AS base_p99,
    if(target_sampled = 0, NULL, least(toFloat64(target_max), greatest(toFloat64(target_min), target_middle)) / 1000) AS target_p99,
    if(base_requests = 0, NULL, target_bad - base_bad * target_requests / base_requests) AS extra_bad,
    if(base_count = 0, NULL, (target_sum - base_sum * target_count / base_count) / 1000000) AS extra_wait_s
FROM
(
    SELECT
        backend, netns, names, method, route,
        sumIf(requests, is_target = 0) AS base_requests, sumIf(requests, is_target = 1) AS target_requests,
        sumIf(bad, is_target = 0) AS base_bad, sumIf(bad, is_target = 1) AS target_bad,
        sumIf(header_count, is_target = 0) AS base_count, sumIf(header_count, is_target = 1) AS target_count,
        sumIf(header_sampled, is_target = 0) AS base_sampled, sumIf(header_sampled, is_target = 1) AS target_sampled,
        sumIf(header_sum, is_target = 0) AS base_sum, sumIf(header_sum, is_target = 1) AS target_sum,
        minIf(header_min, is_target = 0) AS base_min, maxIf(header_max, is_target = 0) AS base_max,
        minIf(header_min, is_target = 1) AS target_min, maxIf(header_max, is_target = 1) AS target_max,
        anyIf(header_bucket, is_target = 0) AS base_bucket, anyIf(header_bucket, is_target = 1) AS target_bucket
    FROM
    (
        SELECT
            backend, if(namespace IN ('', 'host'), 0, netns) AS netns, names, method, route,
            time >= toDateTime('{target_from}', 'UTC') AND time < toDateTime('{target_to}', 'UTC') AS is_target,
            sumMerge(requests) AS requests,
            sumMerge(status_5xx) + sumMerge(failures_reset) + sumMerge(failures_closed) + sumMerge(failures_aborted) + sumMerge(failures_unanswered) AS bad,
            sumMerge(header_count) AS header_count, sumMerge(header_sampled) AS header_sampled, sumMerge(header_sum_us) AS header_sum,
            minMerge(header_min_us) AS header_min, maxMerge(header_max_us) AS header_max, sumMapMerge(header_bucket) AS header_bucket
        FROM upstreamtop.traffic_{grain}
        WHERE ((time >= toDateTime('{base_from}', 'UTC') AND time < toDateTime('{base_to}', 'UTC'))
            OR (time >= toDateTime('{target_from}', 'UTC') AND time < toDateTime('{target_to}', 'UTC')))
            AND load GLOBAL IN (SELECT load FROM upstreamtop.visible)
        GROUP BY backend, netns, names, method, route, is_target
    )
    GROUP BY backend, netns, names, method, route
)
ORDER BY abs(ifNull(extra_wait_s, target_sum / 1000000)) DESC, backend, method, route
LIMIT 20
SETTINGS skip_unavailable_shards = 0, enable_optimize_predicate_expression = 1
