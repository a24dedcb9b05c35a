/**
 * Sums of rows. Thousands of rows are added per tick: a loop over names would take as long as everything else that is done with them.
 */
import { CONNECTION, ROUTE } from '../../src/frame/model/counters.ts'
import { each, fieldsOf, HEAD, type Field } from './fields.ts'

const route = fieldsOf(ROUTE)
const failures = route.filter(({ isFailure }) => isFailure)
const plain = route.filter(({ isFailure }) => !isFailure)
const connection = fieldsOf(CONNECTION)
const connectFailures = connection.filter(({ isFailure }) => isFailure)
const gauges = connection.filter(({ isGauge }) => isGauge)
const counted = (fields: readonly Field[]): readonly Field[] => fields.filter(({ isBytes }) => !isBytes)
const bytesOf = (fields: readonly Field[]): readonly Field[] => fields.filter(({ isBytes }) => isBytes)

/** The path of a counter in Counts. */
const path = ({ name, isFailure }: Field): string => (isFailure ? `failures.${name}` : name)
const plus = (a: string, b: string, { isLater, isNoneBefore }: Field): string => {
  if (isNoneBefore) return `(${a} ?? 0) + (${b} ?? 0)`
  return isLater ? `addKnown(${a}, ${b})` : `${a} + ${b}`
}
const orZero = (value: string, { isLater }: Field): string => (isLater ? `(${value} ?? 0)` : value)
const sumOf = (fields: readonly Field[], value: (field: Field) => string): string =>
  each(fields, (field) => orZero(value(field), field), ' + ')

export const sums = (): string => `/** ${HEAD} */
import { addSparse, DistributionSum } from 'src/frame/sum/distribution-sum.ts'
import { mergeDistribution, sumDistributions } from 'src/frame/model/distribution.ts'
import type { Codes, ConnectionCounts, Counts, Distribution } from 'src/frame/model/frame.ts'
import { mergeGrpc, sumGrpc } from 'src/frame/model/grpc.ts'
import { mergeBuckets, sumBuckets } from 'src/frame/model/histogram.ts'
import { addKnown, lastKnown } from 'src/frame/model/known.ts'
import { micros, type Micros } from 'src/frame/model/units.ts'
import { NO_CONNECTIONS } from 'src/frame/model/nothing.ts'
import type { Failures } from 'src/frame/model/counters.generated.ts'

/** Requests without a complete final head. */
export const failedRequests = (failures: Failures): number => ${sumOf(failures, ({ name }) => `failures.${name}`)}

/** Attempts that never sent a request. */
export const failedConnects = (row: Pick<ConnectionCounts, ${connectFailures.map(({ name }) => `'${name}'`).join(' | ')}>): number => ${sumOf(connectFailures, ({ name }) => `row.${name}`)}

/** Counts of simultaneous entities: open requests add up. In one pass, because every row of every tick is added here. */
export function sumCounts(parts: readonly Counts[]): Counts {
  ${each(route, (field) => `let ${field.name}${field.isLater ? ': number | null' : ''} = 0`)}
  let [inFlight, oldest] = [0, 0]
  for (const part of parts) {
    ${each(route, (field) => assignSum(field.name, `part.${path(field)}`, field))}
    inFlight += part.inFlight
    if (part.oldest > oldest) oldest = part.oldest
  }
  return {
    ${each(plain, ({ name }) => `${name},`)}
    failures: { ${each(failures, ({ name }) => name, ', ')} },
    codes: sumBuckets(parts.map(({ codes }) => codes)),
    grpc: sumGrpc(parts),
    inFlight,
    oldest: micros(oldest),
    header: sumDistributions(parts.map(({ header }) => header)),
    total: sumDistributions(parts.map(({ total }) => total)),
  }
}

/** Counts of the same entity in consecutive spans: open requests are those that are open at the end. */
export const mergeCounts = (a: Counts, b: Counts): Counts => ({
  ${each(plain, merged)}
  failures: { ${each(failures, (field) => `${field.name}: ${plus(`a.${path(field)}`, `b.${path(field)}`, field)}`, ', ')} },
  codes: mergeBuckets(a.codes, b.codes),
  grpc: mergeGrpc(a.grpc, b.grpc),
  inFlight: b.inFlight,
  oldest: b.oldest,
  header: mergeDistribution(a.header, b.header),
  total: mergeDistribution(a.total, b.total),
})

/** Connections of the same backend in consecutive spans: open are those that are open at the end. */
export const mergeConnections = (a: ConnectionCounts, b: ConnectionCounts): ConnectionCounts => ({
  ${each(connection, (field) => (field.isGauge ? `${field.name}: lastKnown(a.${field.name}, b.${field.name}),` : merged(field)))}
  connect: mergeDistribution(a.connect, b.connect),
})

/** Of simultaneous entities: open connections add up. */
export const addConnections = (a: ConnectionCounts, b: ConnectionCounts): ConnectionCounts => ({
  ${each(connection, merged)}
  connect: mergeDistribution(a.connect, b.connect),
})

/** Open connections that cannot be read. */
export const openConnections = (row: Pick<ConnectionCounts, ${gauges.map(({ name }) => `'${name}'`).join(' | ')}>): number | null =>
  ${gauges.reduce((sum, { name }) => (sum === '' ? `row.${name}` : `addKnown(${sum}, row.${name})`), '')}

/** The span is followed by one without a row of the backend: a row with open connections is sent every tick. */
export const endedConnections = (row: ConnectionCounts): ConnectionCounts =>
  openConnections(row) === 0 ? row : { ...row, ${each(gauges, ({ name }) => `${name}: lastKnown(row.${name}, 0)`, ', ')} }

/** Whether any number of the row is not 0. */
export const isActive = (row: Counts): boolean =>
  row.inFlight !== 0 ||
  row.total.count !== 0 ||
  row.total.sampled !== 0 ||
  row.header.sampled !== 0 ||
  (row.grpc ?? []).length !== 0 ||
  ${sumOf(route, (field) => `row.${path(field)}`)} !== 0

export const isConnectionActive = (row: ConnectionCounts): boolean =>
  row.connect.sampled !== 0 || ${sumOf(connection, ({ name }) => `row.${name}`)} !== 0

/** The sum of all counts of a row, without times and bytes. */
export const countsIn = (row: Counts): number =>
  ${sumOf(counted(route), (field) => `row.${path(field)}`)} + row.inFlight + countsInCodes(row.codes) + countsInCodes(row.grpc ?? []) +
  countsInDistribution(row.header) + countsInDistribution(row.total)

/** The sum of all numbers of a row that are added up over rows. */
export const weightOf = (row: Counts): number =>
  countsIn(row) + ${sumOf(bytesOf(route), ({ name }) => `row.${name}`)} + row.header.sum + row.total.sum

export const connectionCountsIn = (row: ConnectionCounts): number =>
  ${sumOf(counted(connection), ({ name }) => `row.${name}`)} + countsInDistribution(row.connect)

export const connectionWeightOf = (row: ConnectionCounts): number =>
  connectionCountsIn(row) + ${sumOf(bytesOf(connection), ({ name }) => `row.${name}`)} + row.connect.sum

const countsInDistribution = ({ count, sampled }: Distribution): number => count + sampled

function countsInCodes(codes: Codes): number {
  let weight = 0
  for (let i = 1; i < codes.length; i += 2) weight += codes[i]!
  return weight
}

/** A sum that grows in place: a recorder adds thousands of rows per second, and each would otherwise be a new object. */
export class CountsSum {
  ${each(route, privateField)}
  readonly #codes: number[] = []
  readonly #grpc: number[] = []
  #isGrpcKnown = true
  #inFlight = 0
  #oldest: Micros = micros(0)
  readonly #header = new DistributionSum()
  readonly #total = new DistributionSum()
  /** the last span that was added: its requests are still open if it is also the last span of the sum; 0: nothing was added */
  #span = 0

  get isEmpty(): boolean {
    return this.#span === 0
  }

  /** The result of \`value\` must not be used after this call. */
  clear(): void {
    ${each(route, ({ name }) => `this.#${name} = 0`)}
    this.#codes.length = 0
    this.#grpc.length = 0
    this.#isGrpcKnown = true
    this.#inFlight = 0
    this.#oldest = micros(0)
    this.#header.clear()
    this.#total.clear()
    this.#span = 0
  }

  /** @param span numbered from 1 */
  add(counts: Counts, span: number): void {
    ${each(route, (field) => assignSum(`this.#${field.name}`, `counts.${path(field)}`, field))}
    addSparse(this.#codes, counts.codes)
    if (counts.grpc === null) this.#isGrpcKnown = false
    else addSparse(this.#grpc, counts.grpc)
    this.#inFlight = counts.inFlight
    this.#oldest = counts.oldest
    this.#header.add(counts.header)
    this.#total.add(counts.total)
    this.#span = span
  }

  /** @param last the last span of the sum */
  value(last: number): Counts {
    const isOpen = this.#span === last
    return {
      ${each(plain, ({ name }) => `${name}: this.#${name},`)}
      failures: { ${each(failures, ({ name }) => `${name}: this.#${name}`, ', ')} },
      codes: this.#codes,
      grpc: this.#isGrpcKnown ? this.#grpc : null,
      inFlight: isOpen ? this.#inFlight : 0,
      oldest: isOpen ? this.#oldest : micros(0),
      header: this.#header.value(),
      total: this.#total.value(),
    }
  }
}

export class ConnectionSum {
  ${each(connection, privateField)}
  readonly #connect = new DistributionSum()
  /** the last span that was added; 0: none */
  #span = 0

  /** @param span numbered from 1 */
  add(counts: ConnectionCounts, span: number): void {
    this.#span = span
    ${each(connection, (field) =>
      field.isGauge
        ? `this.#${field.name} = lastKnown(this.#${field.name}, counts.${field.name})`
        : assignSum(`this.#${field.name}`, `counts.${field.name}`, field),
    )}
    this.#connect.add(counts.connect)
  }

  /** @param last the last span of the sum */
  value(last: number): ConnectionCounts {
    if (this.#span === 0) return NO_CONNECTIONS
    const isOpen = this.#span === last
    return {
      ${each(connection, ({ name, isGauge }) => (isGauge ? `${name}: isOpen ? this.#${name} : lastKnown(this.#${name}, 0),` : `${name}: this.#${name},`))}
      connect: this.#connect.value(),
    }
  }
}
`

const assignSum = (into: string, value: string, field: Field): string =>
  field.isLater ? `${into} = ${plus(into, value, field)}` : `${into} += ${value}`
const merged = (field: Field): string =>
  `${field.name}: ${plus(`a.${field.name}`, `b.${field.name}`, field)},`
const privateField = ({ name, isLater }: Field): string => `#${name}${isLater ? ': number | null' : ''} = 0`
