/**
 * Compares two spans of traffic, and tests whether a difference could be chance. Each test is at the 1 % level (z = 2.58):
 *
 *   rate          Poisson: |a − b| against sqrt(nₐ/tₐ² + n_b/t_b²)
 *   share         two proportions, one success and one failure added to each side (Agresti and Caffo 2000)
 *   percentile    the confidence intervals of the two (ranks nq ± z·sqrt(nq(1−q))) overlap, or the two differ by less than
 *                 the histogram's resolution, 6.4 %. If fewer than five values are above the percentile: the largest values
 *                 could be samples of the same distribution
 *
 * Requests that influence each other vary more than these tests assume: "noise" is reliable, "real" is worth a look.
 */
import { SHARES, type MeasureTest, type Quantity } from '../expression/expression.ts'
import {
  attempts,
  classCount,
  failureCount,
  measure,
  perSecond,
  ratio,
  statistic,
  type Measurable,
  type MeasuredSpan,
} from '../expression/measure.ts'
import type { Distribution } from '../model/frame.ts'
import { grpcEnded, grpcErrors } from '../model/grpc.ts'
import { bucketOf, percentile } from '../model/histogram.ts'
import { micros, type Micros } from '../model/units.ts'

export const Z = 2.58
const RESOLUTION = 0.064
const MIN_ABOVE = 5 - 1e-9

export interface Side {
  readonly line: Measurable
  readonly span: MeasuredSpan
}

/** `change` is relative for rates and times, a difference in points (0–1) for shares; null if a side has no value. */
export interface Change {
  readonly base: number | null
  readonly target: number | null
  readonly change: number | null
  /** the change could be chance; null if a side has no value */
  readonly noise: boolean | null
}

export interface Changes {
  readonly requests: { readonly base: number; readonly target: number }
  readonly answered: { readonly base: number; readonly target: number }
  readonly rps: Change
  readonly fivexx: Change
  readonly failures: Change
  /** of the gRPC exchanges that ended; without a value where there were none, or that is unknown */
  readonly grpcErrors: Change
  /** µs */
  readonly avg: Change
  readonly p50: Change
  readonly p99: Change
}

export function changesBetween(base: Side, target: Side): Changes {
  const both = <T>(of: (side: Side) => T): [T, T] => [of(base), of(target)]
  const [baseHeader, targetHeader] = both(({ line }) => line.header)
  const quantile = (q: number): Change => ({
    ...relative(...both(({ line }) => quantileOf(line.header, q))),
    noise: samePercentile(baseHeader, targetHeader, q),
  })
  const p50 = quantile(0.5)
  return {
    requests: { base: base.line.requests, target: target.line.requests },
    answered: { base: base.line.answered, target: target.line.answered },
    rps: {
      ...relative(...both(({ line, span }) => perSecond(line.requests, span.length))),
      noise: sameRate(...both(({ line, span }): [number, Micros] => [line.requests, span.length])),
    },
    fivexx: share(...both(({ line }): [number, number] => [classCount(line, 5), line.answered])),
    failures: share(...both(({ line }): [number, number] => [failureCount(line), attempts(line)])),
    grpcErrors: share(
      ...both(({ line: { grpc } }): [number, number] => [grpcErrors(grpc) ?? 0, grpcEnded(grpc) ?? 0]),
    ),
    // The mean is not tested: it gets the result of the median.
    avg: { ...relative(...both(({ line }) => statistic(line.header, 'avg'))), noise: p50.noise },
    p50,
    p99: quantile(0.99),
  }
}

const quantileOf = ({ buckets, min, max }: Distribution, q: number): number | null =>
  min === null || max === null ? null : percentile(buckets, q, min, max)

function relative(base: number | null, target: number | null): Omit<Change, 'noise'> {
  const change = base === null || target === null ? null : relativeChange(base, target)
  return { base, target, change }
}

/** Infinite for a base of 0. */
const relativeChange = (base: number, target: number): number =>
  base === target ? 0 : base === 0 ? Infinity : (target - base) / base

function share(
  base: readonly [part: number, whole: number],
  target: readonly [part: number, whole: number],
): Change {
  const [before, after] = [ratio(...base), ratio(...target)]
  return {
    base: before,
    target: after,
    change: before === null || after === null ? null : after - before,
    noise: sameShare(base, target),
  }
}

function sameRate(
  [a, lengthA]: readonly [number, Micros],
  [b, lengthB]: readonly [number, Micros],
): boolean | null {
  if (lengthA === 0 || lengthB === 0) return null
  const [secondsA, secondsB] = [lengthA / 1e6, lengthB / 1e6]
  const deviation = Math.sqrt(a / secondsA ** 2 + b / secondsB ** 2)
  return Math.abs(a / secondsA - b / secondsB) <= Z * deviation
}

function sameShare(
  [a, wholeA]: readonly [number, number],
  [b, wholeB]: readonly [number, number],
): boolean | null {
  if (wholeA === 0 || wholeB === 0) return null
  const [shareA, shareB] = [(a + 1) / (wholeA + 2), (b + 1) / (wholeB + 2)]
  const deviation = Math.sqrt((shareA * (1 - shareA)) / (wholeA + 2) + (shareB * (1 - shareB)) / (wholeB + 2))
  return Math.abs(shareA - shareB) <= Z * deviation
}

function samePercentile(a: Distribution, b: Distribution, q: number): boolean | null {
  const [low, high] = [intervalOf(a, q), intervalOf(b, q)]
  const [before, after] = [quantileOf(a, q), quantileOf(b, q)]
  if (low === null || high === null || before === null || after === null) return null
  if (Math.abs(after - before) <= RESOLUTION * Math.max(before, after)) return true
  if (Math.min(a.sampled, b.sampled) * (1 - q) < MIN_ABOVE) return sameExtremes(a, b)
  return low[0] <= high[1] && high[0] <= low[1]
}

/** If both had the same distribution, each of the largest values would come from a side with the probability of its share of the values. */
function sameExtremes(a: Distribution, b: Distribution): boolean {
  const [lower, higher] = (a.max ?? 0) < (b.max ?? 0) ? [a, b] : [b, a]
  const limit = bucketOf(lower.max ?? micros(0))
  let above = 0
  for (let i = 0; i < higher.buckets.length; i += 2)
    if (higher.buckets[i]! > limit) above += higher.buckets[i + 1]!
  return (higher.sampled / (higher.sampled + lower.sampled)) ** above >= 0.01
}

/** The confidence interval of the percentile, from order statistics. */
function intervalOf(of: Distribution, q: number): readonly [number, number] | null {
  const n = of.sampled
  const margin = Z * Math.sqrt((q * (1 - q)) / Math.max(1, n))
  const low = quantileOf(of, Math.max(0, q - margin))
  const high = quantileOf(of, Math.min(1, q + margin))
  return low === null || high === null ? null : [low, high]
}

/** The value that a gate compares: for a quantity with a sign the change between the two sides, else the target's value. */
export function gateValue({ measure: what, quantity }: MeasureTest, base: Side, target: Side): number | null {
  const unit = unitOfGate(quantity, what)
  const of = ({ line, span }: Side): number | null => measure(what, unit, line, span)
  const [before, after] = [of(base), of(target)]
  if (!quantity.change) return after
  if (before === null || after === null) return null
  return quantity.unit === 'percent' ? relativeChange(before, after) : after - before
}

/**
 * The two ranges may differ in length: a change of a count is that of its share if it has one, else of its rate. What is in flight at the
 * end of a range is no sum over it.
 */
function unitOfGate({ unit, change }: Quantity, what: MeasureTest['measure']): Quantity['unit'] {
  if (!change || unit !== 'percent' || what.kind !== 'count') return unit
  if (what.name === 'in_flight') return 'none'
  return SHARES.includes(what.name) ? 'percent' : 'rate'
}
