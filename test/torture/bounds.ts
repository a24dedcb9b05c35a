/**
 * Writes many ticks to a recording with a size limit. File size and memory stay bounded, and no tick waits for the eviction.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { micros } from '../../src/frame/model/units.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const MB = 1e6

/** @param rounds ticks */
export async function bounds(folder: Folder, rounds: number): Promise<string> {
  const file = folder.file('bounded.db')
  const maxSize = 8 * MB
  const sink = createRecording(file, META, { maxSize })
  const times: number[] = []
  let [largest, early, late] = [0, 0, 0]
  let n = 0
  for (const frame of sampleFrames({ secs: rounds, rps: 400, backends: 8, routes: 25 })) {
    const started = performance.now()
    sink.append(frame)
    times.push(performance.now() - started)
    if (times.length > 20_000) times.splice(0, 10_000)
    const size = statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
    largest = Math.max(largest, size)
    n++
    if (n === Math.floor(rounds / 3)) early = process.memoryUsage().rss
  }
  late = process.memoryUsage().rss
  sink.close()
  const verdict = await checkRecording(file, silent)
  assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
  assert.ok(largest <= 1.05 * maxSize, `${largest} bytes`)
  times.sort((a, b) => a - b)
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0
  return `${n} ticks into 8 MB: at most ${(largest / MB).toFixed(2)} MB with WAL, ${verdict.ticks} ticks kept; a tick p99 ${p99.toFixed(1)} ms, most ${(times.at(-1) ?? 0).toFixed(1)} ms; RSS ${(early / MB).toFixed(0)} → ${(late / MB).toFixed(0)} MB`
}

/** `--keep`: older ticks are removed, and the file is as small as one with only the kept ticks. */
export async function keep(folder: Folder, rounds: number): Promise<string> {
  const file = folder.file('kept.db')
  const sink = createRecording(file, META, { keep: micros(300e6) })
  for (const frame of sampleFrames({ secs: rounds, rps: 200 })) sink.append(frame)
  const grown = statSync(file).size
  sink.close()
  const verdict = await checkRecording(file, silent)
  assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
  assert.ok(Math.abs(verdict.ticks - 300) <= 2, `${verdict.ticks} ticks`)
  const fresh = folder.file('fresh.db')
  const other = createRecording(fresh, META, { durable: false })
  for (const frame of sampleFrames({ secs: 300, rps: 200 })) other.append(frame)
  other.close()
  const ratio = grown / statSync(fresh).size
  return `${rounds} ticks with --keep 300s: ${verdict.ticks} kept, file ${ratio.toFixed(3)} × one of the same ticks alone`
}
