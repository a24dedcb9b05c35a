/**
 * The files of a data set: DIR/TABLE/host=H/date=YYYY-MM-DD/TABLE-FROM-TO-ID.parquet, UTC. A name has the time that its rows cover,
 * so that a repeated export replaces its own files, and a second of a host is never twice in a data set.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { digest } from '../../digest.ts'
import { usageError } from '../../errors.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { wallMicros, type WallMicros } from '../../frame/model/units.ts'
import { spanOf, type TimeSpan } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { TABLES, type TableName } from './parquet-tables.ts'
import { withinDay } from './slices.ts'
import type { TableFormat } from './table-file.ts'

/** A data set: files of one format in a folder. Another format's files may lie beside them. */
export interface Target {
  readonly directory: string
  readonly format: TableFormat
}

/** The part of a recording that is exported. */
export interface Extent extends TimeSpan {
  readonly host: string
  /** of the recording, eight hex digits */
  readonly id: string
  /** the recording has forgotten what was before */
  readonly isCut: boolean
}

export function extentOf({ info, ticks }: Recording, range: TimeSpan): Extent {
  const { from, to } = spanOf(ticks) ?? { from: range.from, to: range.from }
  return {
    host: info.host,
    id: digest(`${info.host} ${info.began ?? info.start}`),
    isCut: info.began !== undefined && range.from <= from,
    from: wallMicros(Math.max(from, range.from)),
    to: wallMicros(Math.min(to, range.to)),
  }
}

/** @param part 1; more if the clock was set back over midnight */
export function pathOf(
  { directory, format }: Target,
  table: TableName,
  { host, id, ...extent }: Extent,
  day: number,
  part: number,
): string {
  const { from, to } = withinDay(extent, day)
  const name = nameOfFile(table, { from: stamp(from), to: stamp(to), id, part }, format)
  const date = `date=${dateOf(day)}`
  return join(directory, table, hostFolder(host), date, name)
}

export function nameOfFile(
  table: TableName,
  { from, to, id, part }: Omit<ExistingFile, 'path'>,
  { extension }: TableFormat,
): string {
  return `${[table, from, to, id, ...(part === 1 ? [] : [part])].join('-')}.${extension}`
}

/** `2026-11-22` */
const dateOf = (day: number): string => new Date(day * 24 * 3600 * 1000).toISOString().slice(0, 10)

export interface Place {
  /** what is to be written */
  readonly extent: Extent
  /** the files of an earlier export that it replaces */
  readonly superseded: readonly string[]
}

/** @throws UserError if rows would be in the data set twice */
export async function placeOf(target: Target, extent: Extent, ticks: readonly TickSummary[]): Promise<Place> {
  const existing = await completeFilesOf(target, extent.host)
  const rest = extent.isCut ? withoutKept(extent, existing, ticks) : extent
  return { extent: rest, superseded: supersededOf(target.directory, rest, existing) }
}

/** Files with rows that the recording has forgotten since can't be made again: they stay, and the export begins after them. */
function withoutKept(
  extent: Extent,
  existing: readonly ExistingFile[],
  ticks: readonly TickSummary[],
): Extent {
  const from = stamp(extent.from)
  const kept = existing.filter((file) => file.id === extent.id && file.from < from && file.to > from)
  if (kept.length === 0) return extent
  const end = Math.max(...kept.map(({ to }) => timeOf(to)))
  // A stamp is cut to the millisecond.
  const next = ticks.find(({ start, length }) => start >= end && start + length > end + 1000)
  return { ...extent, from: wallMicros(Math.min(next?.start ?? extent.to, extent.to)) }
}

function supersededOf(directory: string, extent: Extent, existing: readonly ExistingFile[]): string[] {
  const stamps = { from: stamp(extent.from), to: stamp(extent.to) }
  const common = existing.filter(({ from, to }) => from < stamps.to && to > stamps.from)
  const conflict = common.find(({ id, from, to }) => id !== extent.id || from < stamps.from || to > stamps.to)
  if (conflict === undefined) return common.map(({ path }) => path)
  throw usageError(
    `"${directory}" has rows of host "${extent.host}" from this time already: ${conflict.path}`,
    'They would be there twice. Remove that file, export all of its range again, or choose another folder.',
  )
}

/**
 * What a set lacks of the extent; null: nothing. Files of the recording that reach beyond the extent stay, and what is missing lies
 * before or behind them; those that lie within it are made again.
 */
export async function missingOf(target: Target, extent: Extent): Promise<TimeSpan | null> {
  const own = (await completeFilesOf(target, extent.host)).filter(({ id }) => id === extent.id)
  let [from, to] = [stamp(extent.from), stamp(extent.to)]
  for (const file of own) {
    if (file.from < from && file.to > from) from = file.to
    if (file.from < to && file.to > to) to = file.from
  }
  let covered = from
  for (const file of own.sort((a, b) => (a.from < b.from ? -1 : 1)))
    if (file.from <= covered && file.to > covered) covered = file.to
  if (covered >= to) return null
  return {
    from: from === stamp(extent.from) ? extent.from : timeOf(from),
    to: to === stamp(extent.to) ? extent.to : timeOf(to),
  }
}

export interface ExistingFile {
  readonly path: string
  /** as in the name: the order of the texts is the order in time */
  readonly from: string
  readonly to: string
  readonly id: string
  readonly part: number
}

/** What exports that were killed have left, and what others are writing. */
export async function unfinishedFilesOf({ directory, format }: Target, host: string): Promise<string[]> {
  return (await filesOf(directory, host)).filter((path) => path.includes(`.${format.extension}.`))
}

/** All that lies in the folders of a host, complete or not. */
async function filesOf(directory: string, host: string): Promise<string[]> {
  const folders = TABLES.map((table) => join(directory, table, hostFolder(host)))
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder, { recursive: true }).catch(() => [])
      return names.sort().map((name) => join(folder, name))
    }),
  )
  return listed.flat()
}

async function completeFilesOf({ directory, format }: Target, host: string): Promise<ExistingFile[]> {
  return (await filesOf(directory, host)).flatMap((path) => fileOf(path, format) ?? [])
}

/** null: not a complete file of the format */
export function fileOf(path: string, format: TableFormat): ExistingFile | null {
  const [, from, to, id, part = '1'] = NAME.exec(path) ?? []
  const isOurs = path.endsWith(`.${format.extension}`) && from !== undefined && to !== undefined
  return isOurs && id !== undefined ? { path, from, to, id, part: Number(part) } : null
}

/** Not of a temporary file, whose name begins with a dot. */
const NAME = /(?:^|\/)\w+-(\d{8}T\d{9}Z)-(\d{8}T\d{9}Z)-([0-9a-f]{8})(?:-(\d+))?\.[a-z.]+$/

/** 20261122T140000000Z: to the millisecond, so that adjacent ranges do not overlap. */
const stamp = (time: WallMicros): string => isoUtc(time).replace(/[-:.]/g, '')

const timeOf = (text: string): WallMicros =>
  wallMicros(Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)(...)Z$/, '$1-$2-$3T$4:$5:$6.$7Z')) * 1000)

export const hostFolder = (host: string): string => `host=${partitionValue(host)}`

/** Hive's percent escapes, which every engine decodes. */
const partitionValue = (text: string): string =>
  Array.from(Buffer.from(text), (byte) =>
    /[\w.-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
