/** Checks whether a recording is whole: its pages, the checksums of its ticks, rollups against ticks, and the control totals. */
import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { RecordingInfo } from '../../frame/model/recording.ts'
import { spanOfFrame } from '../../frame/model/span.ts'
import { RunningSum } from '../../frame/sum/running-sum.ts'
import { equalWires } from '../../frame/sum/wire-sums.ts'
import { readMeta } from '../format/meta.ts'
import type { Access } from '../read/connection.ts'
import { openRecording, type StoredRecording } from '../read/reader.ts'
import { isEvicted, type Minute } from '../read/ticks.ts'
import { isDamage, query, text } from '../sqlite/database.ts'
import type { ProgressReport } from './copy.ts'
import { Reconciliation } from './reconciliation.ts'

export interface Verdict {
  /** recoverable: something is missing or wrong, and repair saves the rest; lost: no tick can be read */
  readonly state: 'whole' | 'recoverable' | 'lost'
  /** what is wrong, in words */
  readonly problems: readonly string[]
  /** facts about the file that are no damage, in words */
  readonly notes: readonly string[]
  /** number of whole ticks */
  readonly ticks: number
  readonly info: RecordingInfo
}

/** @throws UserError (exit 5) if it is no recording, or nothing can be read */
export async function checkRecording(file: string, progress: ProgressReport): Promise<Verdict> {
  const recording = openRecording(file, { verify: true })
  try {
    const pages = recording.inspect(({ database }) => brokenPages(database))
    const scan = await scanTicks(recording, progress)
    const problems = [...recording.damage, ...pages, ...scan.problems]
    const state = problems.length === 0 ? 'whole' : scan.whole > 0 ? 'recoverable' : 'lost'
    return { state, problems, notes: notesOf(recording, scan), ticks: scan.whole, info: recording.info }
  } finally {
    recording.close()
  }
}

interface Scan {
  readonly problems: readonly string[]
  readonly whole: number
  /** runs of the recorder whose control totals were reconciled at the last dump */
  readonly reconciled: number
  /** connections of which a direction, or both, was not seen */
  readonly halfSeen: number
  /** spans of bytes that passed unseen */
  readonly holes: number
  /** requests whose outcome lay in them */
  readonly unseen: number
}

/** Ticks between two progress reports. */
const BATCH = 200

/** One pass over all frames, summed minute by minute. */
async function scanTicks(recording: StoredRecording, { report }: ProgressReport): Promise<Scan> {
  const { ticks } = recording
  const meta = recording.inspect(({ database }) => readMeta(database))
  const isCut = meta.has('cut')
  const reconciliation = new Reconciliation(ticks[0]?.seq === 0 && !isCut && !meta.has('starts_late'))
  const minutes = new Map(recording.minutes.map((minute) => [minute.first, minute]))
  const wrong = { ticks: 0, minutes: 0, summaries: 0 }
  let [evicted, halfSeen, holes, unseen] = [0, 0, 0, 0]
  const wasEvicted = (seq: number): boolean => recording.inspect(({ database }) => isEvicted(database, seq))
  let sum = new RunningSum()
  let minute: Minute | undefined
  for (const [i, tick] of ticks.entries()) {
    if (i % BATCH === BATCH - 1) {
      report(i, ticks.length)
      // Lets other tasks of this process run. No signal handler is needed: there is nothing to finish.
      await setImmediate()
    }
    const begun = minutes.get(tick.seq)
    if (begun !== undefined) [minute, sum] = [begun, new RunningSum()]
    const frame = recording.frame(tick.seq)
    if (frame === null && wasEvicted(tick.seq)) {
      evicted++
      minute = undefined
      continue
    }
    if (!isCut) reconciliation.add(frame)
    if (frame === null) {
      wrong.ticks++
      continue
    }
    halfSeen += frame.loss.halfSeen
    holes += frame.loss.holes ?? 0
    unseen += frame.control.unseen ?? 0
    sum.add(spanOfFrame(frame))
    if (frame.start !== tick.start || frame.length !== tick.length) wrong.summaries++
    if (minute === undefined || tick.seq !== minute.first + minute.ticks - 1) continue
    const { first } = minute
    if (!recording.inspect((access) => equalsRollup(access, first, sum.total)) && !wasEvicted(first))
      wrong.minutes++
    minute = undefined
  }
  const problems = [
    ...problem(wrong.ticks, `of ${ticks.length} ticks cannot be read or do not match their checksum`),
    ...problem(wrong.summaries, 'ticks differ from their summary'),
    ...problem(wrong.minutes, 'minutes are not the sum of their ticks'),
    ...reconciliation.problems,
  ]
  const whole = ticks.length - evicted - wrong.ticks
  return { problems, whole, reconciled: reconciliation.reconciled, halfSeen, holes, unseen }
}

const problem = (count: number, what: string): string[] => (count === 0 ? [] : [`${count} ${what}`])

/** A minute that has lost a tick has another sum; the tick is already reported. */
function equalsRollup({ minutes }: Access, first: number, ticks: Aggregate): boolean {
  const rollup = minutes.read(first)
  if (rollup === null) return false
  if (rollup.span.ticks !== ticks.ticks) return true
  const sum = new RunningSum()
  sum.add({ ...rollup.span, ...rollup.rows })
  return isDeepStrictEqual(sum.total.totals, ticks.totals) && equalWires(sum.total.wires, ticks.wires)
}

const MAX_PAGES_NAMED = 5

function brokenPages(database: Access['database']): string[] {
  try {
    const found = query(database, `PRAGMA integrity_check(${MAX_PAGES_NAMED})`).all()
    const lines = found.flatMap(([words]) => text(words).split('\n'))
    return lines.filter((line) => line !== 'ok' && !line.startsWith('***')).slice(0, MAX_PAGES_NAMED)
  } catch (error) {
    if (isDamage(error)) return ['SQLite cannot follow its pages']
    throw error
  }
}

function notesOf(recording: StoredRecording, scan: Scan): string[] {
  const { info, gaps } = recording
  const notes = [...recording.notes]
  if (!info.complete) notes.push('it did not end cleanly: the last dump of the helper is not in it')
  if (gaps.length > 0) notes.push(`${gaps.length} ${gaps.length === 1 ? 'gap' : 'gaps'}; info lists them`)
  const blind = blindness(scan)
  if (blind.length > 0) notes.push(`${blind.join('; ')}${restOf(scan)}`)
  else if (scan.reconciled > 0 && scan.problems.length === 0)
    notes.push('the books balance: each segment and each request is accounted for')
  return notes
}

/** What was not seen, in words. Where there is something, books that balance would promise too much. */
function blindness({ halfSeen, holes, unseen }: Scan): string[] {
  const words: string[] = []
  if (halfSeen > 0) {
    const connections = halfSeen === 1 ? '1 connection' : `${halfSeen} connections`
    words.push(`${connections} of which a direction, or both, was not seen; what was said there is not known`)
  }
  if (holes > 0) {
    const spans = holes === 1 ? '1 hole: bytes' : `${holes} holes: spans of bytes`
    const requests =
      unseen === 0 ? '' : ` (the outcome of ${unseen} ${unseen === 1 ? 'request' : 'requests'} among it)`
    words.push(`${spans} that passed unseen; what lay in them${requests} is not known`)
  }
  return words
}

const restOf = ({ reconciled, problems }: Scan): string =>
  reconciled > 0 && problems.length === 0 ? '; what was seen is accounted for' : ''
