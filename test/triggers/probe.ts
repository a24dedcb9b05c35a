/**
 * A helper that never was: writes the lines of synthetic ticks, for `record --probe`. Its argument is JSON, see ProbeJob. It ends with its
 * standard input, like the helper.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { planSynth, type Incident } from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { linesOfFrames } from './frame-lines.ts'

export interface ProbeJob {
  readonly secs: number
  readonly rps: number
  readonly incidents?: readonly Incident[]
  /** ticks per second of real time; absent: as fast as they are read */
  readonly pace?: number
  readonly seed?: number
  readonly host?: string
  /** µs since the epoch; absent: now */
  readonly start?: number
  /** the clock is set by so many seconds before this tick, counted from 0 */
  readonly step?: { readonly tick: number; readonly secs: number }
  /** no 5xx but those of incidents */
  readonly exact?: boolean
  /** at the end it waits for its standard input to be closed */
  readonly stays?: boolean
}

const job = JSON.parse(process.argv[2]!) as ProbeJob
const plan = planSynth({
  seed: job.seed ?? 1,
  secs: job.secs,
  rps: job.rps,
  backends: 3,
  routes: 4,
  requests: 20,
  incidents: job.incidents ?? [],
  start: wallMicros(job.start ?? Math.round(Date.now() / 1000) * 1e6),
})
const exact = { ...plan, pairs: plan.pairs.map((pair) => ({ ...pair, fivexx: 0 })) }
const over = new AbortController()
const ended = once(process.stdin.resume(), 'end').then(() => over.abort())
// The helper, too, says its last line when it is hurried.
process.on('SIGTERM', () => over.abort())
process.stdout.on('error', () => process.exit())

const began = performance.now()
let ticks = 0
const frames = stepped(synthFrames(job.exact === true ? exact : plan))
for (const line of linesOfFrames(frames, job.host ?? 'web1')) {
  if (over.signal.aborted && line.type !== 'bye') continue
  if (line.type === 'bye' && job.stays === true) await ended
  if (line.type === 'snapshot' && job.pace !== undefined) {
    const wait = began + (1000 * ticks++) / job.pace - performance.now()
    if (wait > 0) await pause(wait)
  }
  if (!process.stdout.write(`${JSON.stringify(line)}\n`)) await once(process.stdout, 'drain')
}
process.stdin.destroy()

function* stepped(frames: Iterable<SecondFrame>): Generator<SecondFrame> {
  let tick = 0
  for (const frame of frames) {
    if (over.signal.aborted) return
    const { tick: first, secs } = job.step ?? { tick: Infinity, secs: 0 }
    yield tick++ < first ? frame : { ...frame, start: wallMicros(frame.start + secs * 1e6) }
  }
}
