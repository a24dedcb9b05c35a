-- Error budget of each upstream block over all hosts: what failed (5xx, and failures of requests and connects) against what an objective
-- allows, {objective} 0.999. A backend that several blocks have is a line of its own with all of their names, so that sums stay exact.
-- Backends whose requests cannot be read (TLS without --tls) have connects but no requests: they have a line here only as far as connects fail.
-- {from}, {to}, {grain}: as in routes.sql.
SELECT
    upstream, requests + failed_connects AS attempts, status_5xx, failed_requests, failed_connects,
    status_5xx + failed_requests + failed_connects AS bad,
    if(attempts = 0, NULL, bad / attempts) AS bad_ratio,
    if(attempts = 0, NULL, bad / (attempts * (1 - {objective}))) AS budget_spent
FROM
(
    SELECT
        upstream, sum(requests) AS requests, sum(status_5xx) AS status_5xx, sum(failed_requests) AS failed_requests,
        if(sum(unknown) > 0, NULL, sum(failed_connects)) AS failed_connects
    FROM
    (
        SELECT
            arrayStringConcat(names, ', ') AS upstream, toInt64(sumMerge(requests)) AS requests, toInt64(sumMerge(status_5xx)) AS status_5xx,
            toInt64(sumMerge(failures_reset) + sumMerge(failures_closed) + sumMerge(failures_aborted) + sumMerge(failures_unanswered)) AS failed_requests,
            toInt64(0) AS failed_connects, toInt64(0) AS unknown
        FROM upstreamtop.traffic_{grain}
        WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
            AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
        GROUP BY names
        UNION ALL
        SELECT
            arrayStringConcat(names, ', ') AS upstream, toInt64(0) AS requests, toInt64(0) AS status_5xx, toInt64(0) AS failed_requests,
            toInt64(sumMerge(refused) + sumMerge(connect_timeout) + sumMerge(unreachable_known) + sumMerge(early_close_known)) AS failed_connects,
            toInt64(sumMerge(unreachable_unknown) + sumMerge(early_close_unknown)) AS unknown
        FROM upstreamtop.connections_{grain}
        WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
            AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
        GROUP BY names
    )
    GROUP BY upstream
)
ORDER BY budget_spent DESC, upstream
SETTINGS skip_unavailable_shards = 0, enable_optimize_predicate_expression = 1
