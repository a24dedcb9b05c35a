/**
 * The cost of a recording: bytes per row, CPU per tick relative to raw better-sqlite3 with the same rows, the whole recorder,
 * time to open, to seek and to sum up: node --import tsx bench/store.ts [SECONDS OF THE SIMULATED DAY]
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { SecondFrame } from '../src/frame/model/frame.ts'
import { openRecording } from '../src/store/read/reader.ts'
import { createRecording } from '../src/store/write/writer.ts'
import { cpuPerTick } from './store-cpu.ts'
import { recorderCost, recorderDay } from './store-recorder.ts'
import { benchFrames } from './store-frames.ts'
import { triggersPerTick } from './store-triggers.ts'

const META = { host: 'bench', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
/** In seconds. 86400 takes about ten minutes; the default is shorter. */
const DAY = Number(process.argv[2] ?? 14_400)
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))

function bytesPerRow(requests: number): void {
  const bare = write(`bare-${requests}.db`, benchFrames({ ticks: 300, rows: 200, requests, ring: 0 }))
  const ringed = write(`ring-${requests}.db`, benchFrames({ ticks: 300, rows: 200, requests, ring: 1000 }))
  const listed = 300 * Math.min(1000, 200 * requests)
  const row = (bare.bytes / (300 * 200)).toFixed(1)
  const request = ((ringed.bytes - bare.bytes) / listed).toFixed(2)
  console.log(
    `  ${String(requests).padStart(3)} requests per row: ${row} bytes; ${request} bytes per request in the ring (goal 10)`,
  )
}

interface Written {
  readonly file: string
  readonly bytes: number
}

function write(name: string, frames: Iterable<SecondFrame>): Written {
  const file = join(folder, name)
  const sink = createRecording(file, META, { durable: false })
  for (const frame of frames) sink.append(frame)
  sink.close()
  return { file, bytes: statSync(file).size }
}

function reading(): void {
  const { file } = write('hours.db', benchFrames({ ticks: 21_600, rows: 30, requests: 4, ring: 5 }))
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
    'bytes per active (backend, route) and second, both distributions, rollups included (goal 110 at 5 requests)',
  )
  for (const requests of [1, 5, 10, 100]) bytesPerRow(requests)
  console.log('\nCPU per second, durable (goals 1 % at 200 rows, 4 % at 2,000; ratio 1.5)')
  cpuPerTick(folder, 200, 20)
  cpuPerTick(folder, 2000, 5)
  console.log('\nthe whole recorder without the helper, in real time')
  await recorderCost(folder, 60)
  console.log('\ntriggers (record --on) on the ticks that are recorded')
  for (const rows of [200, 2000]) triggersPerTick(folder, rows, 6)
  console.log('\na day at 200 routes per second, --keep 1h, at full speed')
  await recorderDay(folder, DAY)
  console.log('\na recording of 6 hours, 30 active rows per second')
  reading()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
