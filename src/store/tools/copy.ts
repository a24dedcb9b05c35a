/** Copies frames of one recording into a new one, for cut and repair. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { GapReason, Marker, SecondFrame } from '../../frame/model/frame.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { spanOfFrame } from '../../frame/model/span.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import { Yielder, interruptible } from '../../interruption.ts'
import { setMeta, type RecordingMeta } from '../format/meta.ts'
import { writeError } from '../write/write-error.ts'
import { createRecording, removeRecording } from '../write/writer.ts'

export interface CopyPlan {
  readonly source: Recording
  /** in order, half-open */
  readonly ranges: readonly SeqRange[]
  readonly out: string
  readonly meta: RecordingMeta
  readonly frame: (frame: SecondFrame) => SecondFrame
  readonly markers: readonly Marker[]
}

export interface Progress extends ProgressReport {
  readonly signal: AbortSignal
}

export interface ProgressReport {
  /** number of ticks done and of all ticks; called a few times per second at most */
  readonly report: (done: number, all: number) => void
}

export interface Copied {
  readonly ticks: number
  /** ticks whose rows could not be read: a gap replaces them */
  readonly lost: number
  /** the sum of the written frames */
  readonly sum: Aggregate
}

/** @throws UserError if the file exists, on a full disk, or on an interruption; then no file remains */
export const copyFrames = (plan: CopyPlan, { signal, report }: Progress): Promise<Copied> =>
  interruptible(signal, (stop) => copyUntil(plan, stop, report))

async function copyUntil(
  plan: CopyPlan,
  stop: AbortSignal,
  report: ProgressReport['report'],
): Promise<Copied> {
  const sink = createRecording(plan.out, plan.meta, { durable: false, complete: plan.source.info.complete })
  const yielder = new Yielder(stop)
  const all = plan.ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const sum = new RunningSum()
  let [ticks, lost] = [0, 0]
  const readable = new Set(plan.source.ticks.map(({ seq }) => seq))
  let before: SecondFrame | null = null
  try {
    for (const marker of plan.markers) sink.mark(marker)
    for (const seq of seqsOf(plan.ranges)) {
      if (yielder.isDue) {
        report(ticks + lost, all)
        await yielder.yield()
      }
      const frame = plan.source.frame(seq)
      if (frame === null) {
        lost++
        readable.delete(seq)
        continue
      }
      const copied = plan.frame({ ...frame, gapBefore: gapBetween(before, frame, readable) })
      sink.append(copied)
      if (ticks === 0 && seq !== 0) setMeta(sink.database, 'starts_late', 'true')
      sum.add(spanOfFrame(copied))
      ticks++
      before = frame
    }
    sink.close()
  } catch (error) {
    sink.abandon()
    removeRecording(plan.out)
    throw writeError(plan.out, error)
  }
  return { ticks, lost, sum: sum.total }
}

/**
 * The gap before a frame of the copy. Ticks between it and the one before that cannot be read are `damaged`. Those that can be read lie
 * outside the range: the clock was set, so that it left the range and came back. Where the frame then begins before the end of the one
 * before it, that is a step of the clock, as in the original, and no gap; else the time between them is left out, and a gap `stopped`.
 * @param readable the ticks of the original that can be read
 */
function gapBetween(
  before: SecondFrame | null,
  frame: SecondFrame,
  readable: ReadonlySet<number>,
): GapReason | null {
  if (before === null || frame.seq === before.seq + 1) return frame.gapBefore
  for (let seq = before.seq + 1; seq < frame.seq; seq++) if (!readable.has(seq)) return 'damaged'
  return frame.start < before.start + before.length ? frame.gapBefore : (frame.gapBefore ?? 'stopped')
}

function* seqsOf(ranges: readonly SeqRange[]): Generator<number> {
  for (const { from, to } of ranges) for (let seq = from; seq < to; seq++) yield seq
}

export interface FileFacts {
  readonly bytes: number
  readonly sha256: string
}

/** @throws the reason of the signal when aborted */
export async function factsOf(file: string, stop: AbortSignal): Promise<FileFacts> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk as Buffer)
    stop.throwIfAborted()
  }
  return { bytes: statSync(file).size, sha256: hash.digest('hex') }
}
