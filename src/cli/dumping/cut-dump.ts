/** Cuts the dump of a recorder: what its child does (triggers/cutting.ts). It is whole under its name, or not there. */
import { linkSync, lstatSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { recordingError, systemError, usageError, type UserError } from '../../errors.ts'
import type { SeqRange } from '../../frame/model/recording.ts'
import { elapsedOf } from '../../frame/time/elapsed.ts'
import { ticksWithin } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { bytes, longSpan, plural } from '../../render/quantities.ts'
import { openRecording, type StoredRecording } from '../../store/read/reader.ts'
import { cutRecording } from '../../store/tools/cut.ts'
import type { CutDone, CutJob } from '../../triggers/cutting.ts'
import { dumpName, partName } from '../../triggers/dump-name.ts'
import { removeOldest, removeParts } from './dump-files.ts'
import { checkFolder } from '../values/triggers.ts'

/** More in one second are no dumps. */
const MOST_NUMBERS = 10_000
/** A recording of which less is there than was asked for by this much is said to be shorter, µs. */
const SHORTER = 2_000_000

/** @throws UserError if there is no tick, no room, or no right to write there */
export async function cutDump(job: CutJob, now: number, signal: AbortSignal): Promise<CutDone> {
  checkFolder(job.into)
  removeParts(job.into, job.host, now)
  const recording = openRecording(job.recording)
  try {
    const ranges = ticksWithin(recording.ticks, job.span)
    const first = ranges[0]
    if (first === undefined)
      throw recordingError(
        `"${job.recording}" has no tick from ${isoUtc(job.span.from)} to ${isoUtc(job.span.to)}`,
        'It may have been moved, or begun anew, meanwhile.',
      )
    refuseWithoutRoom(recording, ranges, job)
    const part = join(job.into, partName(freeName(job)))
    const cut = await cutRecording(
      recording,
      { ranges, span: job.span, keeps: null, redact: new Set(), maxSize: null, out: part },
      { signal, report: () => undefined },
    )
    const name = named(part, job)
    const { removed, problem } = removeOldest(job.into, job.host, job.keep, name)
    return {
      file: join(job.into, name),
      ticks: cut.ticks,
      notes: [
        ...shorterNote(recording, ranges, job),
        ...(cut.lost === 0 ? [] : [`${plural(cut.lost, 'tick')} cannot be read`]),
        ...removedNote(removed),
        ...(problem === null ? [] : [problem]),
      ],
    }
  } finally {
    recording.close()
  }
}

/** Of the recording's size, what its ticks are of all. */
function refuseWithoutRoom({ ticks }: StoredRecording, ranges: readonly SeqRange[], job: CutJob): void {
  const wanted = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const size = sizeOf(job.recording) + sizeOf(`${job.recording}-wal`)
  const needed = Math.ceil((size * wanted) / ticks.length)
  const { bavail, bsize } = statfsSync(job.into)
  const free = bavail * bsize - needed
  if (free >= (job.minFree ?? 0)) return
  const limit = job.minFree === null ? '' : `, and --min-free leaves ${bytes(job.minFree)}`
  throw systemError(
    `there is no room in "${job.into}" for about ${bytes(needed)}: ${bytes(bavail * bsize)} are free${limit}`,
    'Make room, or dump to another disk: --into DIR.',
  )
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

function freeName({ into, host, at }: CutJob): string {
  for (let number = 1; number < MOST_NUMBERS; number++) {
    const name = dumpName(host, at, number)
    if (isFree(join(into, name)) && isFree(join(into, partName(name)))) return name
  }
  throw tooMany(into)
}

/** Nothing has the name, not even a link to nothing. */
const isFree = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) === undefined

const tooMany = (into: string): UserError =>
  usageError(`"${into}" has ${MOST_NUMBERS} dumps of one second`, 'Remove those that are not needed.')

/** Gives it a name that nothing has: a link never replaces a file. @returns the name */
function named(part: string, job: CutJob): string {
  try {
    for (let number = 1; number < MOST_NUMBERS; number++) {
      const name = dumpName(job.host, job.at, number)
      if (isFree(join(job.into, name)) && isLinkedOrRenamed(part, join(job.into, name))) return name
    }
    throw tooMany(job.into)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  }
}

/** Some file systems have no links. @returns false: something has got the name meanwhile */
function isLinkedOrRenamed(part: string, file: string): boolean {
  try {
    linkSync(part, file)
    rmSync(part)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(String(codeOf(error)))) throw error
    renameSync(part, file)
  }
  return true
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null)

/** All names of a folder that was full would be a long line. */
const MOST_NAMED = 3

function removedNote(removed: readonly string[]): string[] {
  if (removed.length === 0) return []
  const more = removed.length - MOST_NAMED
  const others = more > 0 ? ` and ${plural(more, 'other')}` : ''
  return [`the oldest was removed: ${removed.slice(0, MOST_NAMED).join(', ')}${others}`]
}

/** By the time that passed: a clock that was set makes the span longer than what was asked for. */
function shorterNote({ ticks }: StoredRecording, ranges: readonly SeqRange[], { asked }: CutJob): string[] {
  const [from, to] = [ranges[0]!.from, ranges.at(-1)!.to]
  const first = ticks[0]!
  if (first.seq !== from) return []
  const held = elapsedOf(ticks.filter(({ seq }) => seq < to))
  if (asked - held <= SHORTER) return []
  return [`${longSpan(held)} of ${longSpan(asked)}: the recording begins at ${isoUtc(first.start)}`]
}
