/** The columns of rows on the wire, by position: those of the first version, then those that were added since. */
import { CONNECTION, CONTROL, EXCLUDED, LOSS, ROUTE } from '../../src/frame/model/counters.ts'
import { BEFORE_GRPC, each, fieldsOf, firstOf, HEAD, laterOf, type Field } from './fields.ts'

const route = fieldsOf(ROUTE)
const connection = fieldsOf(CONNECTION)
const [routeFirst, routeLater] = [firstOf(route), laterOf(route)]
const [connectionFirst, connectionLater] = [firstOf(connection), laterOf(connection)]

/** Behind the first counters: header sum, total count, total sum, oldest, codes, header, total. */
const SUMS = routeFirst.length + 1
const ADDED = SUMS + 7
const GRPC = ADDED + BEFORE_GRPC
const [beforeGrpc, behindGrpc] = [routeLater.slice(0, BEFORE_GRPC), routeLater.slice(BEFORE_GRPC)]
/** Behind the counters of a connection: connect sum, connect. */
const CONNECT = connectionFirst.length + 1
const CONNECTION_ADDED = CONNECT + 2

export const wire = (): string => `/** ${HEAD} */
import type { Control, Excluded, Loss } from 'src/frame/model/counters.generated.ts'
import type { Backend, Codes, Route } from 'src/frame/model/frame.ts'
import type { ConnectionTotals, TrafficTotals } from 'src/frame/model/snapshot.ts'
import { micros } from 'src/frame/model/units.ts'
import { distributionTotals, isCodes, isHistogram, knownBytes, knownCount, type HistogramColumn } from 'src/record/wire-columns.ts'
import { isCount, isDecimal } from 'src/record/wire-values.ts'

export type TrafficColumns = readonly [
  slot: number,
  ${each(routeFirst, column)}
  headerSumUs: string,
  totalCount: number,
  totalSumUs: string,
  /** age of the oldest open request, 0 when none */
  oldestUs: number,
  /** status code, total, status code, total, …: only codes whose total changed */
  codes: readonly number[],
  header: HistogramColumn,
  total: HistogramColumn,
  ${each(beforeGrpc, laterColumn)}
  /** grpc-status, total, …: only those whose total changed */
  grpc?: readonly number[],
  ${each(behindGrpc, laterColumn)}
]

export type ConnectionColumns = readonly [
  backend: number,
  ${each(connectionFirst, column)}
  connectSumUs: string,
  connect: HistogramColumn,
  ${each(connectionLater, laterColumn)}
]

export function isTraffic(row: unknown): row is TrafficColumns {
  if (!Array.isArray(row) || row.length < ${ADDED}) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < ${SUMS}; i++) if (!isCount(columns[i])) return false
  return (
    isDecimal(columns[${SUMS}]) &&
    isCount(columns[${SUMS + 1}]) &&
    isDecimal(columns[${SUMS + 2}]) &&
    isCount(columns[${SUMS + 3}]) &&
    isCodes(columns[${SUMS + 4}]) &&
    isHistogram(columns[${SUMS + 5}]) &&
    isHistogram(columns[${SUMS + 6}])
  )
}

export function isConnection(row: unknown): row is ConnectionColumns {
  if (!Array.isArray(row) || row.length < ${CONNECTION_ADDED}) return false
  const columns: readonly unknown[] = row
  for (let i = 0; i < ${CONNECT}; i++) if (!isCount(columns[i])) return false
  return isDecimal(columns[${CONNECT}]) && isHistogram(columns[${CONNECT + 1}])
}

/** @param codes the row's, sorted; @param grpc as well, null: unknown */
export const trafficOf = (
  row: TrafficColumns,
  backend: Backend,
  route: Route,
  codes: Codes,
  grpc: Codes | null,
): TrafficTotals => ({
  slot: row[0],
  backend,
  route,
  ${each(
    routeFirst.filter(({ isFailure }) => !isFailure),
    (field) => `${field.name}: row[${routeFirst.indexOf(field) + 1}],`,
  )}
  ${each(beforeGrpc, laterValue(ADDED))}
  ${each(behindGrpc, laterValue(GRPC + 1))}
  failures: { ${each(
    routeFirst.filter(({ isFailure }) => isFailure),
    (field) => `${field.name}: row[${routeFirst.indexOf(field) + 1}]`,
    ', ',
  )} },
  codes,
  grpc,
  oldest: micros(row[${SUMS + 3}]),
  header: distributionTotals(row[${routeFirst.findIndex(({ name }) => name === 'answered') + 1}], row[${SUMS}], row[${SUMS + 5}]),
  total: distributionTotals(row[${SUMS + 1}], row[${SUMS + 2}], row[${SUMS + 6}]),
})

export const CODES = ${SUMS + 4}
export const GRPC = ${GRPC}

export const connectionOf = (row: ConnectionColumns, backend: Backend): ConnectionTotals => ({
  backend,
  ${each(connectionFirst, ({ name }, i) => `${name}: row[${i + 1}],`)}
  ${each(connectionLater, laterValue(CONNECTION_ADDED))}
  connect: distributionTotals(row[${connectionFirst.findIndex(({ name }) => name === 'connects') + 1}], row[${CONNECT}], row[${CONNECT + 1}]),
})

${group('Loss', fieldsOf(LOSS))}
${group('Excluded', fieldsOf(EXCLUDED))}
${group('Control', fieldsOf(CONTROL))}`

const column = ({ name }: Field): string => `${name}: number,`
const laterColumn = ({ name, isBytes }: Field): string => `${name}?: ${isBytes ? 'string' : 'number'},`
const laterValue =
  (at: number) =>
  ({ name, isBytes }: Field, i: number): string =>
    `${name}: ${isBytes ? 'knownBytes' : 'knownCount'}(row[${at + i}]),`

/** On the wire these are objects: a counter that an older helper lacks is 0, or not known. */
const group = (name: string, fields: readonly Field[]): string => `
export interface ${name}Words {
  ${each(fields, ({ word }) => `readonly ${word}?: number`)}
}
export const ${name.toLowerCase()}Of = (words: ${name}Words): ${name} => ({
  ${each(fields, ({ word, name: property, isLater }) => `${property}: words.${word} ?? ${isLater ? 'null' : '0'},`)}
})
`
