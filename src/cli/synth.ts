/** Writes a synthetic recording: makes the plan, then its frames, and stores them. */
import { Yielder, interruptible } from '../interruption.ts'
import { planSynth, type SynthOptions, type SynthPlan } from '../simulate/synth-plan.ts'
import { synthFrames } from '../simulate/synth.ts'
import { writeError } from '../store/write/write-error.ts'
import { createRecording, removeRecording } from '../store/write/writer.ts'

export interface SynthRequest extends SynthOptions {
  readonly out: string
  readonly host: string
  readonly tz: string
}

/** @throws UserError; the file is removed if the work is interrupted or the disk is full */
export async function writeSynth(request: SynthRequest, signal: AbortSignal): Promise<void> {
  const plan = planSynth(request)
  await interruptible(signal, (stop) => writeUntil(plan, request, stop))
}

async function writeUntil(plan: SynthPlan, request: SynthRequest, stop: AbortSignal): Promise<void> {
  const meta = {
    host: request.host,
    timeZone: request.tz,
    kernel: 'none',
    arguments: ['synth'],
    interfaces: [],
  }
  const sink = createRecording(request.out, meta, { durable: false })
  const yielder = new Yielder(stop)
  try {
    for (const frame of synthFrames(plan)) {
      sink.append(frame)
      if (yielder.isDue) await yielder.yield()
    }
    sink.close()
  } catch (error) {
    sink.abandon()
    removeRecording(request.out)
    throw writeError(request.out, error)
  }
}
