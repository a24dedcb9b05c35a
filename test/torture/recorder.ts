/** A recorder for tests that kill it: writes synthetic ticks at a given rate and prints the number of each committed one. */
import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { wallMicros } from '../../src/frame/model/units.ts'
import { planSynth } from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'

interface Job {
  readonly file: string
  readonly ticks: number
  /** ms between two ticks */
  readonly pause: number
  readonly rps: number
  readonly append?: boolean
  readonly maxSize?: number
}

const job = JSON.parse(process.argv[2]!) as Job
const meta = { host: 'torture', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }
const open = job.append === true ? appendRecording : createRecording
const sink = open(job.file, meta, {
  maxSize: job.maxSize,
  warn: (text) => writeSync(2, `${text}\n`),
})
const plan = planSynth({
  seed: 7,
  secs: job.ticks,
  backends: 5,
  routes: 12,
  rps: job.rps,
  requests: 50,
  start: wallMicros(1_795_356_000_000_000),
  incidents: [],
})
for (const frame of synthFrames(plan)) {
  sink.append(frame)
  writeSync(1, `${frame.seq}\n`)
  if (job.pause > 0) await setTimeout(job.pause)
}
sink.close()
