/** What a recording costs: bytes a row, CPU a tick beside raw better-sqlite3 with the same rows, time to open, to seek and to sum up. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { SecondFrame } from '../src/frame/frame.ts'
import { openRecording } from '../src/store/reader.ts'
import { SCHEMA } from '../src/store/schema.ts'
import { createRecording } from '../src/store/writer.ts'
import { benchFrames } from './store-frames.ts'

const META = { host: 'bench', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))

function bytesPerRow(requests: number): void {
  const bare = write(`bare-${requests}.db`, benchFrames({ ticks: 300, rows: 200, requests, ring: 0 }), false)
  const ringed = write(
    `ring-${requests}.db`,
    benchFrames({ ticks: 300, rows: 200, requests, ring: 1000 }),
    false,
  )
  const listed = 300 * Math.min(1000, 200 * requests)
  const row = (bare.bytes / (300 * 200)).toFixed(1)
  const request = ((ringed.bytes - bare.bytes) / listed).toFixed(2)
  console.log(
    `  ${String(requests).padStart(3)} requests a row: ${row} bytes; ${request} bytes a request in the ring (goal 10)`,
  )
}

function cpuPerTick(rows: number): void {
  const ticks = rows > 1000 ? 150 : 600
  const ours = write(`ours-${rows}.db`, benchFrames({ ticks, rows, requests: 5, ring: 1000 }), true)
  const raw = writeRaw(ours.file, join(folder, `raw-${rows}.db`), ticks)
  const percent = (ours.cpu / ticks / 1e6) * 100
  console.log(
    `  ${rows} rows: ${percent.toFixed(2)} % of a core, p50 ${ours.p50.toFixed(2)} ms, p99 ${ours.p99.toFixed(2)} ms a tick; raw better-sqlite3 ${((raw / ticks / 1e6) * 100).toFixed(2)} %, ratio ${(ours.cpu / raw).toFixed(2)}; RSS ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
  )
}

interface Written {
  readonly file: string
  readonly bytes: number
  /** µs */
  readonly cpu: number
  readonly p50: number
  readonly p99: number
}

function write(name: string, frames: Iterable<SecondFrame>, durable: boolean): Written {
  const file = join(folder, name)
  const sink = createRecording(file, META, { durable })
  const times: number[] = []
  let cpu = 0
  for (const frame of frames) {
    const [before, started] = [process.cpuUsage(), performance.now()]
    sink.append(frame)
    times.push(performance.now() - started)
    const used = process.cpuUsage(before)
    cpu += used.user + used.system
  }
  sink.close()
  times.sort((a, b) => a - b)
  const at = (q: number): number => times[Math.floor(times.length * q)] ?? 0
  return { file, bytes: statSync(file).size, cpu, p50: at(0.5), p99: at(0.99) }
}

/** The same rows of the same tables, in the same transactions, 25 a statement, with nothing to work out. */
function writeRaw(from: string, to: string, ticks: number): number {
  const source = new Sqlite(from, { readonly: true })
  const target = new Sqlite(to)
  target.pragma('auto_vacuum = INCREMENTAL')
  target.exec(SCHEMA)
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'wal_autocheckpoint = 0'])
    target.pragma(pragma)
  const tables = TABLES.map((table) => rawTable(source, target, table))
  let cpu = 0
  for (let tick = 0; tick < ticks; tick++) {
    const rows = tables.map(({ read }) => read(tick))
    const before = process.cpuUsage()
    target.exec('BEGIN IMMEDIATE')
    for (const [i, { insert }] of tables.entries()) insert(rows[i]!)
    target.exec('COMMIT')
    if (tick % 5 === 0) target.pragma('wal_checkpoint(PASSIVE)')
    const used = process.cpuUsage(before)
    cpu += used.user + used.system
  }
  source.close()
  target.close()
  return cpu
}

const range = (table: string): string => `${table} WHERE id >= ? << 20 AND id < ? + 1 << 20`
const TABLES: readonly (readonly [name: string, from: string, parameters: 1 | 2])[] = [
  ['tick', 'tick WHERE seq = ?', 1],
  ['traffic', range('traffic'), 2],
  ['status', range('status'), 2],
  ['connection', range('connection'), 2],
  ['request_chunk', 'request_chunk WHERE tick = ?', 1],
  ['minute', 'minute WHERE first = ?', 1],
  ['minute_traffic', range('minute_traffic'), 2],
  ['minute_status', range('minute_status'), 2],
  ['minute_connection', range('minute_connection'), 2],
]

type Cells = readonly unknown[]

function rawTable(
  source: Sqlite.Database,
  target: Sqlite.Database,
  [table, from, parameters]: (typeof TABLES)[number],
): { readonly read: (tick: number) => readonly Cells[]; readonly insert: (rows: readonly Cells[]) => void } {
  const names = (source.pragma(`table_info(${table})`) as { readonly name: string }[]).map(({ name }) => name)
  const select = source.prepare<number[], Cells>(`SELECT ${names.join(',')} FROM ${from}`).raw()
  const row = `(${names.map(() => '?').join(',')})`
  const statements = new Map<number, Sqlite.Statement>()
  const statement = (rows: number): Sqlite.Statement => {
    const known = statements.get(rows)
    if (known !== undefined) return known
    const values = Array.from({ length: rows }, () => row).join(',')
    const made = target.prepare(`INSERT INTO ${table} (${names.join(',')}) VALUES ${values}`)
    statements.set(rows, made)
    return made
  }
  return {
    read: (tick) => select.all(...(parameters === 1 ? [tick] : [tick, tick])),
    insert: (rows) => {
      for (let i = 0; i < rows.length; i += 25) {
        const some = rows.slice(i, i + 25)
        statement(some.length).run(some.flat())
      }
    },
  }
}

function reading(): void {
  const { file } = write('hours.db', benchFrames({ ticks: 21_600, rows: 30, requests: 4, ring: 5 }), false)
  const time = (what: () => void): number => {
    const started = performance.now()
    what()
    return performance.now() - started
  }
  const opened = time(() => openRecording(file).close())
  const bare = time(() => {
    const database = new Sqlite(file, { readonly: true })
    database.prepare('SELECT count(*) FROM minute').get()
    database.close()
  })
  const recording = openRecording(file)
  const seeks = Array.from({ length: 400 }, (_, i) => time(() => recording.frame((i * 7919) % 21_600))).sort(
    (a, b) => a - b,
  )
  const whole = time(() => recording.aggregate({ from: 0, to: 21_600 }))
  const sql = time(() => {
    const database = new Sqlite(file, { readonly: true })
    database.prepare('SELECT backend, route, sum(requests) FROM minute_traffic GROUP BY 1, 2').all()
    database.close()
  })
  console.log(
    `  open ${opened.toFixed(1)} ms (a bare open ${bare.toFixed(1)}); seek p95 ${seeks[380]!.toFixed(2)} ms (goal 50)`,
  )
  console.log(`  sum of all ${whole.toFixed(0)} ms (SQL over the counts alone ${sql.toFixed(0)} ms)`)
  recording.close()
}

try {
  console.log(
    'bytes per active (backend, route) second, both distributions, rollups included (goal 110 at 5 requests)',
  )
  for (const requests of [1, 5, 10, 100]) bytesPerRow(requests)
  console.log('\nCPU of a second, durable (goals 1 % at 200 rows, 4 % at 2,000; ratio 1.5)')
  for (const rows of [200, 2000]) cpuPerTick(rows)
  console.log('\na recording of 6 hours, 30 active rows a second')
  reading()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
