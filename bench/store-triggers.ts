/** What triggers cost: CPU of a tick with four expressions, relative to recording the same tick. One minute each in turn, in one process. */
import { join } from 'node:path'
import type { SecondFrame } from '../src/frame/model/frame.ts'
import { addMicros, micros } from '../src/frame/model/units.ts'
import { createRecording } from '../src/store/write/writer.ts'
import { Firing } from '../src/triggers/firing.ts'
import { triggerOf } from '../src/triggers/trigger.ts'
import { benchFrames } from './store-frames.ts'

const META = { host: 'bench', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const ON = [
  '5xx(*) > 5% for 10s',
  "route ~ '^/api' and p99 > 300ms for 30s",
  'failures > 1% and rps > 100',
  'p99(10.0.0.1:8080) > 1s',
]
const CYCLE = 6
const MINUTE = 60
const WARM = 2

export function triggersPerTick(folder: string, rows: number, minutes: number): void {
  const frames = [...benchFrames({ ticks: CYCLE, rows, requests: 5, ring: 1000 })]
  const sink = createRecording(join(folder, `triggers-${rows}.db`), META)
  const options = { triggers: ON.map(triggerOf), last: micros(9e8), every: micros(6e8) }
  const firing = new Firing(options)
  const measured: { readonly recording: number; readonly triggers: number }[] = []
  for (let minute = 0; minute < WARM + minutes; minute++) {
    const ticks = Array.from({ length: MINUTE }, (_, i) => frameAt(frames, minute * MINUTE + i))
    const recording = cpuOf(() => ticks.forEach((tick) => sink.append(tick)))
    const triggers = cpuOf(() => ticks.forEach((tick) => firing.tick(tick)))
    if (minute >= WARM) measured.push({ recording, triggers })
  }
  sink.close()
  const ratios = measured.map(({ recording, triggers }) => triggers / recording).sort((a, b) => a - b)
  const ofTick = measured.map(({ triggers }) => triggers / MINUTE).sort((a, b) => a - b)
  console.log(
    `  ${rows} routes, ${ON.length} triggers: ${(middle(ofTick) / 1000).toFixed(2)} ms of CPU per tick; ${middle(ratios).toFixed(2)} of what recording the tick takes (${ratios[0]!.toFixed(2)}–${ratios.at(-1)!.toFixed(2)})`,
  )
}

function frameAt(frames: readonly SecondFrame[], seq: number): SecondFrame {
  const frame = frames[seq % CYCLE]!
  return { ...frame, seq, start: addMicros(frame.start, (seq - (seq % CYCLE)) * 1e6), final: false }
}

/** µs */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

const middle = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? NaN
