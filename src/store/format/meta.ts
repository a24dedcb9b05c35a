/** The meta table: facts about the recording itself. */
import { SUB_BITS } from '../../frame/model/histogram.ts'
import type { RecordingInfo, Runs, Unseen } from '../../frame/model/recording.ts'
import { tlsReadingOf, withReading, type TlsReading } from '../../frame/model/tls.ts'
import { version } from '../../version.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { emptyIfDamaged, nullIfDamaged, query, text, type Database } from '../sqlite/database.ts'
import { FORMAT } from './schema.ts'

/** The facts that the recorder knows when it starts. */
export type RecordingMeta = Pick<
  RecordingInfo,
  'host' | 'timeZone' | 'kernel' | 'arguments' | 'runs' | 'interfaces' | 'unseen' | 'tls'
> & {
  /** for a copy: the program that wrote the original */
  readonly tool?: string
  /** for a copy: the format of the original, so that its addresses keep their meaning */
  readonly format?: number
  /** further entries of the meta table */
  readonly more?: Readonly<Record<string, string>>
}

/** Every later version must be able to read `tool` and `readable_by`. */
export const newMeta = (meta: RecordingMeta): Readonly<Record<string, string>> => ({
  ...meta.more,
  tool: meta.tool ?? `upstreamtop ${version}`,
  readable_by: `upstreamtop ${FIRST_READER[meta.format ?? FORMAT] ?? version}`,
  format: String(meta.format ?? FORMAT),
  host: meta.host,
  time_zone: meta.timeZone,
  kernel: meta.kernel,
  arguments: JSON.stringify(meta.arguments),
  ...(meta.runs === undefined ? {} : { runs: JSON.stringify(meta.runs) }),
  interfaces: JSON.stringify(meta.interfaces),
  histogram: JSON.stringify({ unit: 'us', sub_bits: SUB_BITS }),
  complete: '0',
  ...unseenMeta(meta.unseen ?? []),
  ...tlsMeta(meta.tls ?? []),
})

const unseenMeta = (unseen: readonly Unseen[]): Readonly<Record<string, string>> =>
  unseen.length === 0 ? {} : { unseen: JSON.stringify(unseen) }

const tlsMeta = (readings: readonly TlsReading[]): Readonly<Record<string, string>> =>
  readings.length === 0 ? {} : { tls: JSON.stringify(readings) }

/** The recording goes on. @returns the command line before, if it did something else */
export function addRun(database: Database, args: readonly string[]): readonly string[] | null {
  const meta = readMeta(database)
  const before = runsOf(meta.get('runs')) ?? [{ arguments: listOf(meta.get('arguments')), count: 1 }]
  const last = before.at(-1)
  const isSame = last !== undefined && whatItDoes(last.arguments) === whatItDoes(args)
  const runs = isSame
    ? [...before.slice(0, -1), { ...last, count: last.count + 1 }]
    : [...before.slice(1 - MAX_RUNS), { arguments: args, count: 1 }]
  setMeta(database, 'runs', JSON.stringify(runs))
  return isSame ? null : (last?.arguments ?? [])
}

/** A service that is configured anew each day is named for two months. */
const MAX_RUNS = 64

/** Where it is written, and that it goes on, does not change what is recorded. */
const whatItDoes = (args: readonly string[]): string =>
  JSON.stringify(
    args.filter((word, i) => word !== '--append' && !/^--out(=|$)/.test(word) && args[i - 1] !== '--out'),
  )

/** The recording goes on: it also lacks what this run lacks. */
export function addUnseen(database: Database, more: readonly Unseen[]): void {
  const before = unseenOf(readMeta(database).get('unseen'))
  const added = more.filter(({ what }) => !before.some((known) => known.what === what))
  if (added.length > 0)
    setMeta(database, 'unseen', JSON.stringify([...before, ...added].slice(0, MAX_UNSEEN)))
}

/** The recording goes on: what this run reads within TLS, if it does. */
export function addReadings(database: Database, more: readonly TlsReading[]): void {
  if (more.length === 0) return
  const before = readingsOf(readMeta(database).get('tls'))
  setMeta(database, 'tls', JSON.stringify(more.reduce(withReading, before)))
}

/** A recording that goes on may name others each time. */
const MAX_UNSEEN = 64

/** The first version that reads a format. */
const FIRST_READER: Readonly<Record<number, string>> = { 1: '0.1.0', [FORMAT]: '0.2.0' }

/** Empty if the table cannot be read. */
export function readMeta(database: Database): ReadonlyMap<string, string> {
  const rows = emptyIfDamaged(() => [
    ...inOrder(query(database, 'SELECT rowid, key, value FROM meta').iterate()),
  ])
  return new Map(
    rows.flatMap(([, key, value]) => nullIfDamaged(() => [[text(key), text(value)] as const]) ?? []),
  )
}

export function setMeta(database: Database, key: string, value: string): void {
  database
    .prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
    .run(key, value)
}

/** The strings of a JSON array; empty for anything else. */
export const listOf = (json: string | undefined): readonly string[] =>
  arrayIn(json).filter((item) => typeof item === 'string')

/** null for anything that is not a list of them. */
export function runsOf(json: string | undefined): readonly Runs[] | null {
  const runs = arrayIn(json).flatMap((item) => {
    const { arguments: words, count } = Object(item) as Readonly<Record<string, unknown>>
    return isWords(words) && Number.isSafeInteger(count) ? [{ arguments: words, count: Number(count) }] : []
  })
  return runs.length === 0 ? null : runs
}

const isWords = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((word) => typeof word === 'string')

/** Empty for anything that is not a list of them. */
export const unseenOf = (json: string | undefined): readonly Unseen[] =>
  arrayIn(json).flatMap((item) => {
    const { what, remedy } = Object(item) as Readonly<Record<string, unknown>>
    return typeof what === 'string' && typeof remedy === 'string' ? [{ what, remedy }] : []
  })

/** Empty for anything that is not a list of them. */
export const readingsOf = (json: string | undefined): readonly TlsReading[] =>
  arrayIn(json).flatMap(
    (item) => tlsReadingOf(item, (text) => (typeof text === 'string' ? text : null)) ?? [],
  )

function arrayIn(json: string | undefined): readonly unknown[] {
  if (json === undefined) return []
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
