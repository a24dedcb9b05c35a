/** Samples beside the numbers of `report --format json`. */
import assert from 'node:assert/strict'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { sumOf, type Sample } from './parse.ts'

/** The sums over all series are the totals of the report. */
export function assertTotals(
  samples: readonly Sample[],
  { totals, coverage }: Pick<ReportDocument, 'totals' | 'coverage'>,
): void {
  assert.equal(sumOf(samples, 'upstreamtop_requests_total'), totals.requests)
  assert.equal(sumOf(samples, 'upstreamtop_retries_total'), totals.retries)
  assert.equal(sumOf(samples, 'upstreamtop_in_flight'), totals.in_flight)
  for (const [http_response_status_code, answers] of Object.entries(totals.codes))
    assert.equal(sumOf(samples, 'upstreamtop_responses_total', { http_response_status_code }), answers)
  for (const [name, counts] of [
    ['upstreamtop_failures_total', totals.failures],
    ['upstreamtop_loss_total', coverage.loss],
    ['upstreamtop_excluded_total', coverage.excluded],
  ] as const)
    for (const [reason, count] of Object.entries(counts))
      assert.equal(sumOf(samples, name, { reason }), count ?? 0, `${name} ${reason}`)
}
