/**
 * Joins the files of a day: of each table, host and recording one, whose name covers them. The folder of a table and day is made anew
 * beside the tables, and then takes the old one's place, so that a reader finds the old files or the new one, and no row twice. Between
 * the two renames of a swap, for microseconds, it finds no folder; one that has listed the old files before gets an error for a file
 * that is gone. If the program is killed there, the next compaction puts the folder back.
 */
import { linkSync, readdirSync, renameSync, statSync } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { asSystemError, makeFolder } from '../../../output.ts'
import { isStale, temporaryOf } from '../../../temporary.ts'
import { partsOf, runsOf, type DayFile, type Run } from './plan.ts'
import { fileOf, hostFolder, nameOfFile, type ExistingFile, type Target } from '../dataset-files.ts'
import { joinedMetadata, isJoinable } from '../file-metadata.ts'
import { NDJSON, refuseTorn } from '../ndjson-file.ts'
import { PARQUET } from '../file/parquet-file.ts'
import { readFooter } from '../file/parquet-footer.ts'
import { TABLES, type TableName } from '../parquet-tables.ts'
import type { TableFormat } from '../table-file.ts'

export interface CompactOptions {
  readonly directory: string
  /** `2026-11-22`, UTC; null: all that have ended */
  readonly day: string | null
  /** null: all */
  readonly host: string | null
  /** `2026-11-22`: the day that has not ended */
  readonly today: string
  readonly signal: AbortSignal
}

export interface CompactResult {
  /** that became `files` */
  readonly parts: number
  readonly files: number
  /** folders of a day that somebody writes to, left as they are */
  readonly busy: readonly string[]
}

/** @throws UserError if a file is torn; the signal's reason when aborted. What is done until then stays. */
export async function compactDataset(options: CompactOptions): Promise<CompactResult> {
  const { directory, signal } = options
  await recover(directory)
  const staging = temporaryOf(join(directory, 'compact'))
  const total = { parts: 0, files: 0, busy: [] as string[] }
  try {
    for (const day of await daysOf(options)) {
      for (const format of [PARQUET, NDJSON]) {
        signal.throwIfAborted()
        const done = await compactDay({ directory, format }, day, staging, signal)
        if (done === null) total.busy.push(day)
        else {
          total.parts += done.parts
          total.files += done.files
        }
      }
    }
    return { ...total, busy: [...new Set(total.busy)] }
  } catch (error) {
    throw asSystemError(directory, error)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** `host=H/date=D` of any table. */
async function daysOf({ directory, day, host, today }: CompactOptions): Promise<string[]> {
  const days = new Set<string>()
  for (const table of TABLES) {
    for (const hostName of await namesIn(join(directory, table))) {
      if (host === null ? !hostName.startsWith('host=') : hostName !== hostFolder(host)) continue
      for (const dayName of await namesIn(join(directory, table, hostName))) {
        const date = /^date=(\d{4}-\d\d-\d\d)$/.exec(dayName)?.[1]
        if (date !== undefined && (day === null ? date < today : date === day))
          days.add(join(hostName, dayName))
      }
    }
  }
  return [...days].sort()
}

/** @returns null if somebody writes there */
async function compactDay(
  target: Target,
  day: string,
  staging: string,
  signal: AbortSignal,
): Promise<{ parts: number; files: number } | null> {
  const done = { parts: 0, files: 0 }
  const folders = TABLES.map((table) => ({ table, folder: join(target.directory, table, day) }))
  const listed: { readonly table: TableName; readonly file: ExistingFile }[] = []
  for (const { table, folder } of folders) {
    if (await isWrittenTo(folder)) return null
    for (const name of await namesIn(folder)) {
      const file = fileOf(join(folder, name), target.format)
      if (file !== null) listed.push({ table, file })
    }
  }
  // A day that is joined already: its footers need not be read.
  if (listed.length === new Set(listed.map(({ table }) => table)).size) return done
  const files: DayFile[] = []
  for (const { table, file } of listed)
    files.push({ ...file, table, ...(await aboutOf(file.path, target.format)) })
  const runs = runsOf(files)
  for (const table of TABLES) {
    signal.throwIfAborted()
    const own = files.filter((file) => file.table === table)
    const joins = runs.map((run) => joinOf(run, own, table, target.format)).filter((join) => join !== null)
    if (joins.length === 0) continue
    const folder = { live: join(target.directory, table, day), staging, day: join(table, day) }
    if (!(await swapIn(folder, joins, target.format))) return null
    done.files += joins.length
    done.parts += joins.reduce((sum, { parts }) => sum + parts.length, 0)
  }
  return done
}

interface Join {
  readonly name: string
  readonly parts: readonly string[]
  readonly run: Run
}

/** null: there is nothing to join */
function joinOf(run: Run, own: readonly DayFile[], table: TableName, format: TableFormat): Join | null {
  const parts = partsOf(own, run).map(({ path }) => path)
  const name = nameOfFile(table, { ...run, part: 1 }, format)
  return parts.length === 0 || (parts.length === 1 && basename(parts[0]!) === name)
    ? null
    : { name, parts, run }
}

interface Folder {
  /** that readers look into */
  readonly live: string
  readonly staging: string
  /** `TABLE/host=H/date=D` */
  readonly day: string
}

/** @returns false if the folder has changed meanwhile, and is as it was */
async function swapIn(
  { live, staging, day }: Folder,
  joins: readonly Join[],
  format: TableFormat,
): Promise<boolean> {
  const before = snapshot(live)
  const made = join(staging, 'new', day)
  const old = join(staging, 'old', day)
  await makeFolder(made)
  await makeFolder(join(old, '..'))
  for (const { name, parts, run } of joins) {
    const path = join(made, name)
    const told = run.tiles.map((tile) => tile.metadata)
    await format.join(parts, path, format === PARQUET ? joinedMetadata(told) : {})
    await sync(path)
  }
  const joined = new Set(joins.flatMap(({ parts }) => parts.map((path) => basename(path))))
  for (const name of before.keys()) if (!joined.has(name)) linkSync(join(live, name), join(made, name))
  if (!isSame(before, snapshot(live))) return false
  renameSync(live, old)
  renameSync(made, live)
  // What an export has begun there meanwhile goes on in the new folder.
  for (const name of readdirSync(old)) if (!before.has(name)) renameSync(join(old, name), join(live, name))
  await rm(old, { recursive: true })
  return true
}

/** The files that readers see, each with what changes when it is replaced. */
function snapshot(folder: string): Map<string, string> {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
  return new Map(
    names.map((name) => {
      const { ino, size, mtimeMs } = statSync(join(folder, name))
      return [name, `${ino} ${size} ${mtimeMs}`]
    }),
  )
}

const isSame = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, state]) => b.get(name) === state)

/** The parts are removed afterwards: the file must outlive a power failure. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.sync().finally(() => file.close())
}

async function aboutOf(path: string, format: TableFormat): Promise<Pick<DayFile, 'kind' | 'metadata'>> {
  if (format !== PARQUET) {
    await refuseTorn(path)
    return { kind: '', metadata: {} }
  }
  const { metadata, columns } = await readFooter(path)
  const kind = [metadata['upstreamtop.schema'], metadata['upstreamtop.recording'], columns].join()
  return { kind: isJoinable(metadata) ? kind : path, metadata }
}

async function isWrittenTo(folder: string): Promise<boolean> {
  const temporary = (await namesIn(folder)).filter((name) => name.startsWith('.') && name.endsWith('.tmp'))
  for (const name of temporary) if (!(await isStale(join(folder, name)))) return true
  return false
}

const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).sort()

/** Puts back the folder of which a compaction was killed between its two renames, and removes what it has left. */
async function recover(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    const staging = join(directory, name)
    if (!/^\.compact\..*\.tmp$/.test(name) || !(await isStale(staging))) continue
    for (const table of TABLES) {
      for (const host of await namesIn(join(staging, 'old', table))) {
        for (const day of await namesIn(join(staging, 'old', table, host))) {
          const live = join(directory, table, host, day)
          if ((await namesIn(live)).length > 0) continue
          await rm(live, { recursive: true, force: true })
          renameSync(join(staging, 'old', table, host, day), live)
        }
      }
    }
    await rm(staging, { recursive: true, force: true })
  }
}
