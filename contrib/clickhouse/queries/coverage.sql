-- How much of a range is known, by host and of the fleet: covered seconds / all, times counted requests / all.
-- Equal, to the digit, to: upstreamtop report F… --from … --to … --format json, "coverage". The fleet is the row without a host.
-- {from}, {to}, {grain}: as in routes.sql. A host that was loaded at some time and has no tick in the range is listed with 0; as in the
-- report it is not part of the fleet's mean. Where a clock was set within the range (a marker), its step is taken for time that passed.
WITH
    toInt64(toUnixTimestamp(toDateTime('{to}', 'UTC')) - toUnixTimestamp(toDateTime('{from}', 'UTC'))) * 1000000 AS length
SELECT
    host, hosts, ticks, covered / 1000000 AS covered_seconds, requests, unseen, missed,
    if(ticks = 0, 0, (covered / greatest(length, covered)) * if(requests + missed = 0, 1, (requests - unseen) / (requests + missed))) AS coverage
FROM
(
    SELECT
        arrayJoin([host_name, '']) AS host, uniqExactIf(host_name, host_ticks > 0) AS hosts, sum(host_ticks) AS ticks,
        toInt64(floor(if(hosts = 0, 0, sum(host_covered) / hosts) + 0.5)) AS covered,
        sum(host_requests) AS requests, if(sum(host_unknown) > 0, 0, sum(host_unseen)) AS unseen, sum(host_missed) AS missed
    FROM
    (
        SELECT
            host_name, sum(ticks) AS host_ticks, sum(covered) AS host_covered, sum(missed) AS host_missed,
            sum(requests) AS host_requests, sum(unseen) AS host_unseen, sum(unknown) AS host_unknown
        FROM
        (
            SELECT
                host AS host_name, toInt64(sumMerge(ticks)) AS ticks, toInt64(sumMerge(covered_us)) AS covered,
                toInt64(sumMerge(map_refused) + sumMerge(ambiguous) + sumMerge(unmatched_responses)) AS missed,
                toInt64(0) AS requests, toInt64(0) AS unseen, toInt64(0) AS unknown
            FROM upstreamtop.ticks_{grain}
            WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
                AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
            GROUP BY host
            UNION ALL
            SELECT
                host AS host_name, toInt64(0) AS ticks, toInt64(0) AS covered, toInt64(0) AS missed,
                toInt64(sumMerge(requests)) AS requests, toInt64(sumMerge(unseen_known)) AS unseen, toInt64(sumMerge(unseen_unknown)) AS unknown
            FROM upstreamtop.traffic_{grain}
            WHERE time >= toDateTime('{from}', 'UTC') AND time < toDateTime('{to}', 'UTC')
                AND load GLOBAL IN (SELECT load FROM upstreamtop.visible WHERE date >= toDate('{from}') AND date <= toDate('{to}'))
            GROUP BY host
            UNION ALL
            SELECT
                host AS host_name, toInt64(0) AS ticks, toInt64(0) AS covered, toInt64(0) AS missed,
                toInt64(0) AS requests, toInt64(0) AS unseen, toInt64(0) AS unknown
            FROM upstreamtop.visible
            GROUP BY host
        )
        GROUP BY host_name
    )
    GROUP BY host
)
ORDER BY host
SETTINGS skip_unavailable_shards = 0, enable_optimize_predicate_expression = 1
