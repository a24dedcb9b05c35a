/** Copies the readable ticks of a damaged recording into a new one. */
import { rmSync } from 'node:fs'
import type { SecondFrame } from '../../frame/model/frame.ts'
import type { Recording, RecordingInfo, SeqRange } from '../../frame/model/recording.ts'
import { interruptible } from '../../interruption.ts'
import { readMeta } from '../format/meta.ts'
import { openRecording, type StoredRecording } from '../read/reader.ts'
import { nullIfDamaged } from '../sqlite/database.ts'
import { copyFrames, factsOf, type FileFacts, type Progress } from './copy.ts'

export interface RepairResult extends FileFacts {
  readonly ticks: number
  readonly lost: number
  /** what was wrong with the original, in words */
  readonly damage: readonly string[]
}

/** @throws UserError (exit 5) if nothing can be read, (exit 2) if `out` exists */
export async function repairRecording(
  file: string,
  out: string,
  { signal, report }: Progress,
): Promise<RepairResult> {
  const source = openRecording(file, { verify: true })
  try {
    const { info, markers } = source
    const meta = {
      host: info.host,
      timeZone: info.timeZone,
      kernel: info.kernel,
      arguments: info.arguments,
      runs: info.runs,
      interfaces: info.interfaces,
      unseen: info.unseen ?? [],
      tls: info.tls ?? [],
      tool: info.tool,
      format: info.format,
      more: { repaired: 'true', ...startsLate(source), ...identity(info) },
    }
    const ranges = runsOf(source)
    const plan = { source, ranges, out, meta, markers, frame: (same: SecondFrame) => same }
    return await interruptible(signal, async (stop) => {
      const copied = await copyFrames(plan, { signal: stop, report })
      return { ...copied, damage: source.damage, ...(await keptFacts(out, stop)) }
    })
  } finally {
    source.close()
  }
}

async function keptFacts(out: string, stop: AbortSignal): Promise<FileFacts> {
  try {
    return await factsOf(out, stop)
  } catch (error) {
    rmSync(out)
    throw error
  }
}

/** A copy numbers its ticks from 0; this entry tells that its first tick is not the first of the recorder. */
function startsLate(source: StoredRecording): Record<string, string> {
  const isLate = source.inspect(({ database }) => nullIfDamaged(() => readMeta(database).has('starts_late')))
  return isLate === true ? { starts_late: 'true' } : {}
}

/** What was exported of the original is known to be of this one, too. */
const identity = ({ began }: RecordingInfo): Record<string, string> =>
  began === undefined ? {} : { began: String(began) }

function runsOf({ ticks }: Recording): readonly SeqRange[] {
  const runs: { from: number; to: number }[] = []
  for (const { seq } of ticks) {
    const last = runs.at(-1)
    if (last?.to === seq) last.to = seq + 1
    else runs.push({ from: seq, to: seq + 1 })
  }
  return runs
}
