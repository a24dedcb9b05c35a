-- Per backend and route over all hosts: requests, 5xx, and percentiles of header time from the merged histograms.
-- Equal, to the digit, to: upstreamtop report web1.db web2.db web3.db --by route
CREATE OR REPLACE MACRO midpoint_us(b) AS
  CASE WHEN b < 16 THEN b ELSE ((16 + b % 16) * 2 ** (b // 16) + 2 ** (b // 16 - 1) - 1) / 2 END;

WITH traffic AS (
  FROM read_parquet('lake/traffic/**/*.parquet', hive_partitioning = true)
), per_bucket AS (
  SELECT backend, method, route, bucket, sum(n) AS n
  FROM (
    SELECT backend, method, route, unnest(header_bucket) AS bucket, unnest(header_bucket_count) AS n FROM traffic
  )
  GROUP BY ALL
), ranked AS (
  SELECT *,
    sum(n) OVER (PARTITION BY backend, method, route ORDER BY bucket) AS upto,
    sum(n) OVER (PARTITION BY backend, method, route) AS total
  FROM per_bucket
), percentiles AS (
  SELECT backend, method, route,
    midpoint_us(min(bucket) FILTER (upto >= ceil(0.50 * total))) AS p50,
    midpoint_us(min(bucket) FILTER (upto >= ceil(0.99 * total))) AS p99
  FROM ranked GROUP BY ALL
), sums AS (
  SELECT backend, method, route, sum(requests) AS requests, sum(status_5xx) AS status_5xx,
    min(header_min_us) AS low, max(header_max_us) AS high
  FROM traffic GROUP BY ALL
)
SELECT backend, method, route, requests, status_5xx,
  least(high, greatest(low, p50)) / 1000 AS p50_ms,
  least(high, greatest(low, p99)) / 1000 AS p99_ms
FROM sums LEFT JOIN percentiles USING (backend, method, route)
ORDER BY requests DESC, backend, method, route;
