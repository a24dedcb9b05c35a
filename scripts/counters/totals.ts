/** Differences to the previous totals, which change in place: see running-totals.ts. */
import { CONNECTION, ROUTE } from '../../src/frame/model/counters.ts'
import { each, fieldsOf, HEAD, type Field } from './fields.ts'

const route = fieldsOf(ROUTE)
const failures = route.filter(({ isFailure }) => isFailure)
const plain = route.filter(({ isFailure }) => !isFailure)
const connection = fieldsOf(CONNECTION)
const counted = connection.filter(({ isGauge }) => !isGauge)

export const totals = (): string => `/** ${HEAD} */
import type { ConnectionRow, TrafficRow } from 'src/frame/model/frame.ts'
import { advanceCodes, codesSince, DistributionTotal, knownSince } from 'src/frame/sum/running-totals.ts'
import type { ConnectionTotals, TrafficTotals } from 'src/frame/model/snapshot.ts'
import { NO_FAILURES, type Failures } from 'src/frame/model/counters.generated.ts'
import { failedRequests } from 'src/frame/sum/sums.generated.ts'

export class SlotTotal {
  ${each(plain, privateField)}
  #failures: Failures = NO_FAILURES
  #codes: number[] = []
  /** as far as it was told: what a row leaves out is in the next that tells */
  #grpc: number[] = []
  readonly #header = new DistributionTotal()
  readonly #total = new DistributionTotal()

  /** The difference to the previous totals, which \`now\` replaces. null: a total fell, and nothing is changed */
  advance(now: TrafficTotals): TrafficRow | null {
    const failures = failuresSince(this.#failures, now.failures)
    const codes = codesSince(this.#codes, now.codes)
    const grpc = codesSince(this.#grpc, now.grpc ?? [])
    const header = this.#header.since(now.header)
    const total = this.#total.since(now.total)
    if (failures === null || codes === null || grpc === null || header === null || total === null) return null
    const row: TrafficRow = {
      backend: now.backend,
      route: now.route,
      ${each(plain, since)}
      failures,
      codes,
      grpc: now.grpc === null ? null : grpc,
      inFlight: openOf(now),
      oldest: now.oldest,
      header,
      total,
    }
    if (${each(plain, fell, ' || ')}) return null
    ${each(plain, ({ name }) => `this.#${name} = now.${name}`)}
    this.#failures = now.failures
    this.#codes = advanceCodes(this.#codes, now.codes)
    this.#grpc = advanceCodes(this.#grpc, now.grpc ?? [])
    this.#header.set(now.header)
    this.#total.set(now.total)
    return row
  }
}

/** The open requests of a slot: at least 0, even if its totals contradict each other. */
const openOf = ({ requests, answered, failures, unseen }: TrafficTotals): number =>
  Math.max(0, requests - answered - failedRequests(failures) - (unseen ?? 0))

/** null: a total fell */
function failuresSince(before: Failures, now: Failures): Failures | null {
  const since = { ${each(failures, ({ name }) => `${name}: now.${name} - before.${name}`, ', ')} }
  if (${each(failures, ({ name }) => `since.${name} < 0`, ' || ')}) return null
  // Nearly always there are none: then all rows share one object.
  return failedRequests(since) === 0 ? NO_FAILURES : since
}

export class ConnectionTotal {
  ${each(counted, privateField)}
  readonly #connect = new DistributionTotal()

  /** The difference to the previous totals, which \`now\` replaces. null: a total fell, and nothing is changed */
  advance(now: ConnectionTotals): ConnectionRow | null {
    const connect = this.#connect.since(now.connect)
    if (connect === null) return null
    const row: ConnectionRow = {
      backend: now.backend,
      ${each(connection, since)}
      connect,
    }
    if (${each(counted, fell, ' || ')}) return null
    ${each(counted, ({ name }) => `this.#${name} = now.${name}`)}
    this.#connect.set(now.connect)
    return row
  }
}
`

const privateField = ({ name, isBytes, isLater }: Field): string =>
  `#${name}${isLater ? `: ${isBytes ? 'bigint' : 'number'} | null` : ''} = ${isBytes ? '0n' : '0'}`
const since = ({ name, isBytes, isGauge, isLater }: Field): string =>
  isGauge
    ? `${name}: now.${name},`
    : isLater || isBytes
      ? `${name}: knownSince(this.#${name}, now.${name}),`
      : `${name}: now.${name} - this.#${name},`
const fell = ({ name, isLater }: Field): string => (isLater ? `(row.${name} ?? 0) < 0` : `row.${name} < 0`)
