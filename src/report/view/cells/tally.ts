/** Sums of packed rows, equal to those of the report: counts add up, times are merged, and what a part does not know the sum does not. */
import { BUCKETS, percentile } from '../../../frame/model/histogram.ts'
import { addKnown } from '../../../frame/model/known.ts'
import { micros } from '../../../frame/model/units.ts'
import { QUANTILES } from '../../../frame/expression/measure.ts'
import type { LineValues } from '../../picture/picture-of.ts'

export class Tally {
  isUsed = false
  #requests = 0
  #answered = 0
  #fivexx = 0
  #failures = 0
  #connects = 0
  #unreachable: number | null = 0
  #earlyClose: number | null = 0
  #grpcEnded: number | null = 0
  #grpcErrors = 0
  #grpcNone = 0
  #min = Infinity
  #max = -Infinity
  #low = BUCKETS
  #high = -1
  /** by bucket */
  readonly #sampled = new Float64Array(BUCKETS)

  counts(requests: number, answered: number, fivexx: number, failures: number): void {
    this.#requests += requests
    this.#answered += answered
    this.#fivexx += fivexx
    this.#failures += failures
  }

  grpc(ended: number | null, errors: number, none: number): void {
    this.#grpcEnded = addKnown(this.#grpcEnded, ended)
    this.#grpcErrors += errors
    this.#grpcNone += none
  }

  times(min: number, max: number): void {
    if (min < this.#min) this.#min = min
    if (max > this.#max) this.#max = max
  }

  bucket(bucket: number, count: number): void {
    if (bucket < this.#low) this.#low = bucket
    if (bucket > this.#high) this.#high = bucket
    this.#sampled[bucket]! += count
  }

  connects(failed: number, unreachable: number | null, earlyClose: number | null): void {
    this.#connects += failed
    this.#unreachable = addKnown(this.#unreachable, unreachable)
    this.#earlyClose = addKnown(this.#earlyClose, earlyClose)
  }

  add(part: Tally): void {
    this.isUsed = true
    this.counts(part.#requests, part.#answered, part.#fivexx, part.#failures)
    this.grpc(part.#grpcEnded, part.#grpcErrors, part.#grpcNone)
    this.connects(part.#connects, part.#unreachable, part.#earlyClose)
    this.times(part.#min, part.#max)
    for (let i = part.#low; i <= part.#high; i++) if (part.#sampled[i]! > 0) this.bucket(i, part.#sampled[i]!)
  }

  /** @param knows every part counted all kinds of failed connects */
  values(knows: boolean): LineValues {
    const later = knows ? (this.#unreachable ?? 0) + (this.#earlyClose ?? 0) : 0
    const failures = this.#failures + this.#connects + later
    const sparse = this.#sparse()
    const timeAt = (q: number): number | null =>
      sparse.length === 0 ? null : percentile(sparse, q, micros(this.#min), micros(this.#max))
    return {
      counts: {
        requests: this.#requests,
        answered: this.#answered,
        fivexx: this.#fivexx,
        failures,
        bad: this.#fivexx + failures + this.#quietGrpcErrors(),
        grpcEnded: this.#grpcEnded ?? 0,
        grpcErrors: this.#grpcEnded === null ? 0 : this.#grpcErrors,
      },
      p50: timeAt(QUANTILES.p50),
      p99: timeAt(QUANTILES.p99),
      buckets: () => Array.from(this.#sparse()),
    }
  }

  clear(): void {
    this.isUsed = false
    this.#requests = this.#answered = this.#fivexx = this.#failures = this.#connects = 0
    this.#unreachable = this.#earlyClose = this.#grpcEnded = 0
    this.#grpcErrors = this.#grpcNone = 0
    this.#min = Infinity
    this.#max = -Infinity
    if (this.#high >= 0) this.#sampled.fill(0, this.#low, this.#high + 1)
    this.#low = BUCKETS
    this.#high = -1
  }

  /** As `quietGrpcErrors` of measure.ts has it. */
  #quietGrpcErrors(): number {
    if (this.#grpcEnded === null) return 0
    return this.#grpcErrors - Math.min(this.#grpcNone, this.#failures + this.#fivexx)
  }

  /** Valid until the next call. */
  #sparse(): Float64Array {
    let length = 0
    for (let i = this.#low; i <= this.#high; i++) {
      const count = this.#sampled[i]!
      if (count === 0) continue
      sparse[length++] = i
      sparse[length++] = count
    }
    return sparse.subarray(0, length)
  }
}

/** Used again and again: a picture of a day has ten thousand of them. */
const sparse = new Float64Array(2 * BUCKETS)
