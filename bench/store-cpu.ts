/**
 * The cost of the writer: a warm recorder and raw better-sqlite3 write the same ticks, one minute each in turn, in one process.
 * CPU time, not wall time, and the median of the minutes: other load has little effect.
 */
import { join } from 'node:path'
import type { SecondFrame } from '../src/frame/model/frame.ts'
import { addMicros } from '../src/frame/model/units.ts'
import { createRecording } from '../src/store/write/writer.ts'
import { benchFrames } from './store-frames.ts'
import { RawWriter } from './store-raw.ts'

const META = { host: 'bench', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const MINUTE = 60
/**
 * Number of different ticks, made in advance: few enough for the CPU cache, where a recorder also has the tick that it writes.
 */
const CYCLE = 6
/** Minutes that are not measured: V8 still compiles, and a recorder runs for hours. */
const WARM = 5

export function cpuPerTick(folder: string, rows: number, minutes: number): void {
  const frames = [...benchFrames({ ticks: CYCLE, rows, requests: 5, ring: 1000 })]
  const template = join(folder, `template-${rows}.db`)
  writeTemplate(template, frames)
  const sink = createRecording(join(folder, `ours-${rows}.db`), META)
  const raw = new RawWriter(template, join(folder, `raw-${rows}.db`))
  const measured: { readonly ours: Minute; readonly raw: Minute }[] = []
  for (let minute = 0; minute < WARM + minutes; minute++) {
    const ours = minuteOf((tick) => {
      const frame = frameAt(frames, minute, tick)
      return () => sink.append(frame)
    })
    const others = minuteOf(() => {
      const next = raw.next()
      return () => raw.append(next)
    })
    if (minute >= WARM) measured.push({ ours, raw: others })
  }
  sink.close()
  raw.close()
  const of = (cpu: (minute: (typeof measured)[number]) => number): number => median(measured.map(cpu))
  const ratios = measured.map(({ ours, raw }) => ours.cpu / raw.cpu)
  const times = measured.flatMap(({ ours }) => ours.times).sort((a, b) => a - b)
  const at = (q: number): string => (times[Math.floor(times.length * q)] ?? 0).toFixed(2)
  console.log(
    `  ${rows} rows: ${(of(({ ours }) => ours.cpu) / 1e4).toFixed(3)} % of a core, commit p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; raw better-sqlite3 ${(of(({ raw }) => raw.cpu) / 1e4).toFixed(3)} %; ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}; goal 1.5)`,
  )
}

interface Minute {
  /** µs per tick */
  readonly cpu: number
  /** ms */
  readonly times: readonly number[]
}

/** @param prepare runs unmeasured, returns the work to measure */
function minuteOf(prepare: (tick: number) => () => void): Minute {
  const times: number[] = []
  let cpu = 0
  for (let tick = 0; tick < MINUTE; tick++) {
    const append = prepare(tick)
    const started = performance.now()
    const before = process.cpuUsage()
    append()
    const { user, system } = process.cpuUsage(before)
    times.push(performance.now() - started)
    cpu += user + system
  }
  return { cpu: cpu / MINUTE, times }
}

/** A minute and the tick after it, which writes the rollup first. */
function writeTemplate(file: string, frames: readonly SecondFrame[]): void {
  const sink = createRecording(file, META, { durable: false })
  for (let tick = 0; tick <= MINUTE; tick++)
    sink.append(frameAt(frames, Math.floor(tick / MINUTE), tick % MINUTE))
  sink.close()
}

function frameAt(frames: readonly SecondFrame[], minute: number, tick: number): SecondFrame {
  const seq = minute * MINUTE + tick
  const frame = frames[seq % CYCLE]!
  const later = (seq - (seq % CYCLE)) * 1e6
  const requests = frame.requests.map((event) => ({ ...event, at: addMicros(event.at, later) }))
  return {
    ...frame,
    seq: minute * MINUTE + tick,
    start: addMicros(frame.start, later),
    requests,
    final: false,
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
