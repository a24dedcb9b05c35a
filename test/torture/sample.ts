/** A small recording with every kind of row, and its frames as they were written. */
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { planSynth, type Incident } from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { createRecording, type WriterOptions } from '../../src/store/write/writer.ts'

export interface SampleOptions {
  readonly secs: number
  readonly seed?: number
  readonly rps?: number
  readonly backends?: number
  readonly routes?: number
  readonly requests?: number
  readonly incidents?: readonly Incident[]
}

export const sampleFrames = (options: SampleOptions): Generator<SecondFrame> =>
  synthFrames(
    planSynth({
      seed: 1,
      rps: 60,
      backends: 3,
      routes: 8,
      requests: 20,
      start: wallMicros(1_795_356_000_000_000),
      incidents: [],
      ...options,
    }),
  )

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: ['record'], interfaces: ['eth0'] }

/** Not durable by default: tests write many. */
export function writeSample(
  file: string,
  options: SampleOptions,
  writer: WriterOptions = { durable: false },
): SecondFrame[] {
  const sink = createRecording(file, META, writer)
  const frames = [...sampleFrames(options)]
  for (const frame of frames) sink.append(frame)
  sink.close()
  return frames
}
