/** The columns of the file's tables, and rows as cells. Columns that were added follow those of the first version. */
import { CONNECTION, CONTROL, EXCLUDED, LOSS, ROUTE } from '../../src/frame/model/counters.ts'
import { BEFORE_GRPC, each, fieldsOf, firstOf, HEAD, laterOf, type Field } from './fields.ts'

const route = fieldsOf(ROUTE)
const connection = fieldsOf(CONNECTION)
const host = [
  { group: 'loss', fields: fieldsOf(LOSS) },
  { group: 'excluded', fields: fieldsOf(EXCLUDED) },
  { group: 'control', fields: fieldsOf(CONTROL) },
]
const hostFields = host.flatMap(({ group, fields }) =>
  fields.map((field) => ({ ...field, group, column: `${group}_${field.word}` })),
)

/** Between these two groups there is a column for each of five status classes. */
const CLASSES = [1, 2, 3, 4, 5].map((digit) => `status_${digit}xx`)
const [begun, other] = [firstOf(route).slice(0, 2), firstOf(route).slice(2)]
const distribution = (name: string): readonly string[] =>
  ['count', 'sum', 'sampled', 'min', 'max', 'buckets'].map((part) => `${name}_${part}`)

const words = (fields: readonly Field[]): readonly string[] => fields.map(({ word }) => word)
const LATER_COUNTS = [
  ...words(laterOf(route).slice(0, BEFORE_GRPC)),
  'grpc',
  ...words(laterOf(route).slice(BEFORE_GRPC)),
]
const COUNTS = [
  ...words(begun),
  ...CLASSES,
  ...words(other),
  'in_flight',
  'oldest',
  ...distribution('header'),
  ...distribution('total'),
  ...LATER_COUNTS,
]
const CONNECTIONS = [...words(firstOf(connection)), ...distribution('connect'), ...words(laterOf(connection))]
const HOST = [...hostFields.filter(({ isLater }) => !isLater), ...hostFields.filter(({ isLater }) => isLater)]

const list = (name: string, columns: readonly string[], comment: string): string =>
  `/** ${comment} */\nexport const ${name}: readonly string[] = [${columns.map((column) => `'${column}'`).join(', ')}]\n`

const at = (columns: readonly string[], column: string): string => {
  const index = columns.indexOf(column)
  if (index < 0) throw new Error(`no column ${column}`)
  return index === 0 ? 'at' : `at + ${index}`
}

export const columns = (): string => `/** ${HEAD} */
${list('COUNT_COLUMNS', COUNTS, 'Counts of a (backend, route).')}
${list('RARE_COLUMNS', [...CLASSES.filter((name) => name !== 'status_2xx'), ...words(other), 'in_flight', 'oldest'], 'Columns of COUNT_COLUMNS that are 0 in most rows.')}
${list('CONNECTION_COLUMNS', CONNECTIONS, 'Counts of a backend outside any request.')}
${list(
  'HOST_COLUMNS',
  HOST.map(({ column }) => column),
  'Counts of the whole host: loss, excluded traffic, and the control totals.',
)}
/**
 * Columns that the first files of format 1 lack. They are at the end of their table, in the order in which they were added, so that
 * an altered table equals a new one.
 */
${list('LATER_COUNTS', LATER_COUNTS, 'Of COUNT_COLUMNS.')}
${list('LATER_CONNECTION', words(laterOf(connection)), 'Of CONNECTION_COLUMNS.')}
${list(
  'LATER_HOST',
  hostFields.filter(({ isLater }) => isLater).map(({ column }) => column),
  'Of HOST_COLUMNS.',
)}`

export const cells = (): string => `/** ${HEAD} */
import type { ConnectionCounts, Codes, Counts } from 'src/frame/model/frame.ts'
import type { SqlRow, SqlValue } from 'src/store/sqlite/database.ts'
import {
  count,
  known,
  knownSum,
  writeClasses,
  writeDistribution,
  span,
  sum,
  readDistribution,
  readGrpc,
  writeGrpc,
  withCode200,
  type HostCounts,
} from 'src/store/format/rows.ts'

/** Writes the cells of COUNT_COLUMNS from \`at\` on. */
export function writeCounts(cells: SqlValue[], at: number, counts: Counts): void {
  ${each(begun, (field) => `cells[${at(COUNTS, field.word)}] = counts.${field.name}`)}
  for (let i = 1; i <= 5; i++) cells[at + ${begun.length - 1} + i] = 0
  writeClasses(cells, at + ${begun.length - 1}, counts.codes)
  ${each([...other, ...laterOf(route)], (field) => `cells[${at(COUNTS, field.word)}] = counts.${path(field)}`)}
  cells[${at(COUNTS, 'grpc')}] = writeGrpc(counts.grpc)
  cells[${at(COUNTS, 'in_flight')}] = counts.inFlight
  cells[${at(COUNTS, 'oldest')}] = counts.oldest
  writeDistribution(cells, ${at(COUNTS, 'header_count')}, counts.header)
  writeDistribution(cells, ${at(COUNTS, 'total_count')}, counts.total)
}

/** @param others the codes other than 200, sorted, as the status table holds them */
export const readCounts = (row: SqlRow, at: number, others: Codes): Counts => ({
  ${each(
    route.filter(({ isFailure }) => !isFailure),
    (field) => `${field.name}: ${readCell(field, at(COUNTS, field.word))},`,
  )}
  failures: {
    ${each(
      route.filter(({ isFailure }) => isFailure),
      (field) => `${field.name}: ${readCell(field, at(COUNTS, field.word))},`,
    )}
  },
  codes: withCode200(others, count(row[${at(COUNTS, 'status_2xx')}])),
  grpc: readGrpc(row[${at(COUNTS, 'grpc')}]),
  inFlight: count(row[${at(COUNTS, 'in_flight')}]),
  oldest: span(row[${at(COUNTS, 'oldest')}]),
  header: readDistribution(row, ${at(COUNTS, 'header_count')}),
  total: readDistribution(row, ${at(COUNTS, 'total_count')}),
})

export function writeConnection(cells: SqlValue[], at: number, counts: ConnectionCounts): void {
  ${each(connection, (field) => `cells[${at(CONNECTIONS, field.word)}] = counts.${field.name}`)}
  writeDistribution(cells, ${at(CONNECTIONS, 'connect_count')}, counts.connect)
}

export const readConnection = (row: SqlRow, at: number): ConnectionCounts => ({
  ${each(connection, (field) => `${field.name}: ${readCell(field, at(CONNECTIONS, field.word))},`)}
  connect: readDistribution(row, ${at(CONNECTIONS, 'connect_count')}),
})

/** Writes the cells of HOST_COLUMNS from \`at\` on. */
export function writeHost(cells: SqlValue[], at: number, { loss, excluded, control }: HostCounts): void {
  ${HOST.map(({ group, name }, i) => `cells[at + ${i}] = ${group}.${name}`).join('\n')}
}

export const readHost = (row: SqlRow, at: number): HostCounts => ({
  ${host
    .map(
      ({ group, fields }) => `${group}: {
    ${each(fields, (field) => {
      const index = HOST.findIndex(({ column }) => column === `${group}_${field.word}`)
      return `${field.name}: ${field.isLater ? 'knownSum' : 'sum'}(row[at + ${index}]),`
    })}
  },`,
    )
    .join('\n')}
})
`

const path = ({ name, isFailure }: Field): string => (isFailure ? `failures.${name}` : name)
function readCell({ isBytes, isLater }: Field, place: string): string {
  const read = isLater ? (isBytes ? 'knownSum' : 'known') : isBytes ? 'sum' : 'count'
  return `${read}(row[${place}])`
}
