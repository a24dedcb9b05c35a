/** What synth does: a plan, its frames, a file. */
import { setImmediate } from 'node:timers/promises'
import { ExitCode, UserError } from '../errors.ts'
import { planSynth, type SynthOptions } from '../simulate/synth-plan.ts'
import { synthFrames } from '../simulate/synth.ts'
import { writeError } from '../store/write-error.ts'
import { createRecording, removeRecording } from '../store/writer.ts'

export interface SynthRequest extends SynthOptions {
  readonly out: string
  readonly host: string
  readonly tz: string
}

/** Ticks between two looks at whether the user wants to stop. */
const BATCH = 600

/** @throws UserError; a file that is interrupted or finds no room is removed */
export async function writeSynth(request: SynthRequest, signal: AbortSignal): Promise<void> {
  const plan = planSynth(request)
  const meta = {
    host: request.host,
    timeZone: request.tz,
    kernel: 'none',
    arguments: ['synth'],
    interfaces: [],
  }
  const sink = createRecording(request.out, meta, { durable: false })
  // Listening is what makes the program wait for us.
  signal.addEventListener('abort', () => undefined, { once: true })
  try {
    for (const frame of synthFrames(plan)) {
      sink.append(frame)
      if (frame.seq % BATCH === 0) await setImmediate()
      if (signal.aborted) throw new UserError(ExitCode.interrupted, 'interrupted: nothing was kept')
    }
    sink.close()
  } catch (error) {
    sink.abandon()
    removeRecording(request.out)
    throw writeError(request.out, error)
  }
}
