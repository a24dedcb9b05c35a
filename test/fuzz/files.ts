/**
 * Mutates recordings: pages, schema, rows, packed bytes, side files, gzip. Invariants: a file is read, or refused with a
 * UserError; only temporary files are created, changed or deleted; no control byte reaches the terminal.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { openRecording } from '../../src/store/read/reader.ts'
import { translated, writeSample, type SampleOptions } from '../torture/sample.ts'
import { Chance } from './chance.ts'
import { COMMANDS, runOn } from './recordings.ts'
import { mutatePages } from './sqlite-pages.ts'
import { mutateRows } from './sqlite-rows.ts'
import { Broken, type Target } from './target.ts'

interface FilesInput {
  readonly name: string
  /** by ending; '' is the recording itself */
  readonly files: ReadonlyMap<string, Buffer>
  readonly open: { readonly verify: boolean; readonly outline: boolean }
  /** what is read after opening: reading everything takes three times as long as one part */
  readonly part: Part
  /** commands to run on the file; each takes as long as one read */
  readonly commands: readonly (readonly [string, ...string[]])[]
}

type Part = 'frame' | 'sum' | 'requests' | 'all'
const PARTS: readonly Part[] = ['frame', 'frame', 'sum', 'requests', 'all']

const FOLDER = join(import.meta.dirname, '../../fixtures/recordings')
const BASES = [
  'simulated.db',
  'whole.db',
  'one-tick.db',
  'no-tick.db',
  'gap.db',
  'clock-step.db',
  'format-1.db',
  'format-2.db',
].map((name) => readFileSync(join(FOLDER, name)))
/** A few ticks with every kind of row: a small file can have most kinds of damage, in a fifth of the time. */
const SMALL = sample({ secs: 4, rps: 12, backends: 2, routes: 4, requests: 3 }, true)
/** Two rows are enough for damage to the schema or structure. */
const TINY = sample({ secs: 2, rps: 2, backends: 1, routes: 1, requests: 2 }, true)

/** Made once per worker, from the base that has rows in all tables. */
const sideFiles = { wal: Buffer.alloc(0), journal: Buffer.alloc(0) }
/** separate folders: the input, a file that must not change, temporary files */
const folders = { input: '', victim: '', temporary: '' }

export const target: Target<FilesInput> = {
  make(seed, number) {
    const chance = new Chance(seed, number)
    const base = chance.chance(0.97) ? chance.pick([TINY, TINY, SMALL]) : chance.pick(BASES)
    const mutated = mutate(base, chance)
    const zipped = chance.chance(0.04)
    const files = new Map([['', zipped ? zip(mutated, chance) : mutated]])
    if (!zipped && chance.chance(0.08)) addSideFiles(files, chance)
    return {
      name: chance.pick(['a.db', 'a.db', 'a.db', zipped ? 'a.db.gz' : 'z;id;.db']),
      files,
      open: { verify: chance.chance(0.3), outline: chance.chance(0.2) },
      part: chance.pick(PARTS),
      commands: chance.chance(0.025) ? [chance.pick(COMMANDS)] : [],
    }
  },

  async run({ name, files, open, part, commands }, step) {
    rmSync(folders.input, { recursive: true, force: true })
    mkdirSync(folders.input)
    const file = join(folders.input, name)
    for (const [ending, bytes] of files) writeFileSync(file + ending, bytes)
    const before = listing()
    let failed: unknown
    step(`read${open.outline ? ' outline' : ''}${open.verify ? ' verify' : ''}`)
    try {
      read(file, open, part)
    } catch (error) {
      failed = error
    }
    checkFolders(before)
    for (const command of commands) {
      step(command.join(' '))
      await runOn(file, command)
      checkFolders(before)
    }
    if (failed !== undefined) throw failed as Error
  },

  save({ name, files, open, part, commands }, place) {
    mkdirSync(place, { recursive: true })
    for (const [ending, bytes] of files) writeFileSync(join(place, name + ending), bytes)
    writeFileSync(join(place, 'how.json'), JSON.stringify({ open, part, commands }))
  },

  prepare(folder) {
    for (const name of ['input', 'victim', 'temporary'] as const) {
      folders[name] = join(folder, name)
      // An earlier worker may have been killed.
      rmSync(folders[name], { recursive: true, force: true })
      mkdirSync(folders[name], { recursive: true })
    }
    process.env.TMPDIR = folders.temporary
    writeFileSync(join(folders.victim, 'precious'), 'precious')
    makeSideFiles(join(folder, 'side-files.db'))
  },
}

function sample(options: SampleOptions, hasWires: boolean): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-fuzz-'))
  writeSample(join(folder, 'sample.db'), options, undefined, hasWires ? translated : undefined)
  const bytes = readFileSync(join(folder, 'sample.db'))
  rmSync(folder, { recursive: true })
  return bytes
}

/** Calls every reading function once, without repetition. */
function read(file: string, open: FilesInput['open'], part: Part): void {
  const recording = openRecording(file, open)
  try {
    if (open.outline) recording.refresh()
    const { ticks, gaps, markers } = recording
    const [first, last] = [ticks[0], ticks.at(-1)]
    if (first === undefined || last === undefined || gaps.length + markers.length < 0) return
    if (part === 'frame' || part === 'all')
      for (const { seq } of [first, ticks[ticks.length >> 1]!, last]) recording.frame(seq)
    if (part === 'sum' || part === 'all') recording.aggregate({ from: first.seq, to: last.seq + 1 })
    if (part === 'requests' || part === 'all')
      for (const seq of [first.seq, last.seq]) Array.from(recording.requests({ from: seq, to: seq + 1 }))
  } finally {
    recording.close()
  }
}

/* ---- files that must not change ---- */

type Listing = ReadonlyMap<string, string>

const listing = (): Listing =>
  new Map(
    [folders.input, folders.victim].flatMap((folder) =>
      readdirSync(folder).map((name) => [name, stateOf(join(folder, name))] as const),
    ),
  )

function stateOf(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
  return [ino, size, mtimeNs, ctimeNs].join(' ')
}

function checkFolders(before: Listing): void {
  const now = listing()
  const changes = [
    ...[...before.keys()].filter((name) => !now.has(name)).map((name) => `${kindOf(name)} was deleted`),
    ...[...now].flatMap(([name, state]) => {
      const was = before.get(name)
      return was === state ? [] : [`${kindOf(name)} was ${was === undefined ? 'made' : 'changed'}`]
    }),
  ]
  if (changes.length > 0) {
    // Restores the file for the next input.
    writeFileSync(join(folders.victim, 'precious'), 'precious')
    throw new Broken(changes.join(', '))
  }
  const left = readdirSync(folders.temporary)
  if (left.length === 0) return
  for (const name of left) rmSync(join(folders.temporary, name), { recursive: true, force: true })
  throw new Broken('a temporary file was left behind')
}

const kindOf = (name: string): string => name.replace(/^.*\.db/, 'F')

/* ---- inputs ---- */

function mutate(base: Buffer, chance: Chance): Buffer {
  const how = chance.next()
  if (how < 0.5) return mutatePages(base, chance)
  const rows = mutateRows(base, chance)
  if (rows === null || how < 0.9) return rows ?? mutatePages(base, chance)
  return mutatePages(rows, chance)
}

function zip(bytes: Buffer, chance: Chance): Buffer {
  const whole = gzipSync(bytes, { level: 1 })
  return chance.pick<() => Buffer>([
    () => whole,
    () => whole.subarray(0, chance.below(whole.length)),
    () => {
      for (let i = chance.size(20); i >= 0; i--)
        whole[chance.between(10, whole.length - 1)]! ^= 1 << chance.below(8)
      return whole
    },
    // A header with a larger page count than the file has.
    () => gzipSync(claiming(bytes.subarray(0, 4096), chance.pick([2 ** 10, 2 ** 18, 2 ** 19, 2 ** 32 - 1]))),
    // gzip members of 1 MB of zeros, about 1 KB each.
    () =>
      Buffer.concat([
        whole,
        ...new Array<Buffer>(chance.pick([10, 100, 1000])).fill(gzipSync(Buffer.alloc(2 ** 20))),
      ]),
    () => gzipSync(whole),
  ])()
}

function claiming(page: Buffer, pages: number): Buffer {
  const bytes = Buffer.from(page)
  bytes.writeUInt32BE(pages, 28)
  return bytes
}

function addSideFiles(files: Map<string, Buffer>, chance: Chance): void {
  const kinds = chance.pick([
    ['-journal'],
    ['-wal'],
    ['-shm'],
    ['-wal', '-shm'],
    ['-journal', '-wal', '-shm'],
  ])
  for (const kind of kinds) files.set(kind, sideFileOf(kind, chance))
  // SQLite reads a -wal only if the header says WAL mode.
  if (kinds.includes('-wal') && chance.chance(0.8)) files.get('')?.fill(2, 18, 20)
  if (kinds.includes('-journal') && chance.chance(0.8)) files.get('')?.fill(1, 18, 20)
}

function sideFileOf(kind: string, chance: Chance): Buffer {
  const good = Buffer.from(kind === '-wal' ? sideFiles.wal : sideFiles.journal)
  return chance.pick<() => Buffer>([
    () => good,
    () => good.subarray(0, chance.below(good.length + 1)),
    () => {
      for (let i = chance.size(50); i >= 0; i--) good[chance.below(good.length)]! ^= 1 << chance.below(8)
      return good
    },
    () => chance.bytes(chance.size(10_000)),
    () => Buffer.alloc(chance.size(100_000)),
  ])()
}

/**
 * A real -wal, and a real hot rollback journal that names the victim as its super-journal: SQLite deletes the super-journal it
 * finds in a journal.
 */
function makeSideFiles(file: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(file + ending, { force: true })
  writeFileSync(file, BASES[1]!)
  const change = "UPDATE meta SET value = value || 'x' WHERE key = 'host'"
  const database = new Sqlite(file)
  database.pragma('journal_mode = WAL')
  database.exec(change)
  sideFiles.wal = readFileSync(`${file}-wal`)
  database.pragma('journal_mode = DELETE')
  database.pragma('cache_size = 1')
  database.exec(`BEGIN IMMEDIATE; ${change}; UPDATE tick SET cpu = cpu + 1`)
  const journal = readFileSync(`${file}-journal`)
  database.exec('ROLLBACK')
  database.close()
  const name = Buffer.from(join(folders.victim, 'precious'))
  const trailer = Buffer.alloc(16)
  trailer.writeUInt32BE(name.length, 0)
  trailer.writeUInt32BE(
    name.reduce((sum, byte) => (sum + byte) >>> 0, 0),
    4,
  )
  Buffer.from('d9d505f920a163d7', 'hex').copy(trailer, 8)
  const lockPage = Buffer.alloc(4)
  lockPage.writeUInt32BE(0x40000000 / 4096 + 1, 0)
  sideFiles.journal = Buffer.concat([journal, lockPage, name, trailer])
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(file + ending, { force: true })
}
