/** Recordings named on the command line, opened together. */
import { recordingError, usageError } from '../../errors.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { parseDuration, spanOf } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { shifted } from '../../report/data/source.ts'
import type { Summary } from '../../report/data/summary.ts'
import type { Io } from '../io.ts'

/** `web1=-49s`, repeatable; µs to add to the host's clock. */
export function offsetOption(text: string, known: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const [, host, sign, span] = /^(.+)=([+-]?)(.+)$/.exec(text) ?? []
  const offset = span === undefined ? null : parseDuration(span)
  if (host === undefined || offset === null) {
    throw usageError(`--offset "${text}" is no HOST=SHIFT`, 'For example --offset web1=-49s.')
  }
  return new Map([...known, [host, sign === '-' ? 0 - offset : offset]])
}

/** All are closed again if one cannot be opened. */
export async function openShifted(
  files: readonly string[],
  offsets: ReadonlyMap<string, number>,
): Promise<Recording[]> {
  const { openRecording } = await import('../../store/read/reader.ts')
  const opened: Recording[] = []
  try {
    for (const file of files) opened.push(openRecording(file))
    const hosts = opened.map((recording) => recording.info.host)
    const unknown = [...offsets.keys()].find((host) => !hosts.includes(host))
    if (unknown !== undefined) {
      throw usageError(`--offset: no recording is of host "${unknown}"`, `They are of ${hosts.join(', ')}.`)
    }
    return opened.map((recording) => shifted(recording, offsets.get(recording.info.host) ?? 0))
  } catch (error) {
    for (const recording of opened) recording.close()
    throw error
  }
}

/** Refuses a file that is named twice. @throws UserError */
export function refuseTwice(files: readonly string[]): void {
  const twice = files.find((file, i) => files.indexOf(file) !== i)
  if (twice !== undefined)
    throw usageError(`"${twice}" is named twice`, 'Its requests would be counted twice.')
}

/** Refuses recordings of the same host and time, such as copies and cuts: requests would be counted twice. @throws UserError */
export function refuseOverlaps(recordings: readonly Recording[]): void {
  const spans = recordings.flatMap(({ info, ticks }) => {
    const span = spanOf(ticks)
    return span === null ? [] : [{ ...span, host: info.host, file: info.file, ticks }]
  })
  for (const [i, a] of spans.entries()) {
    for (const b of spans.slice(i + 1)) {
      const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)]
      if (a.host !== b.host || to <= from) continue
      if (to - from <= ALLOWED_OVERLAP && !haveCommonTick(a.ticks, b.ticks)) continue
      const common = [from, to].map((time) => isoUtc(wallMicros(time))).join(' to ')
      throw usageError(
        `"${a.file}" and "${b.file}" are both of host "${a.host}" from ${common}`,
        'Its requests would be counted twice: leave one out, or take another part of it with upstreamtop cut.',
      )
    }
  }
}

/** Overlap that is allowed, µs: a recorder may start in the second in which the one before it ended. */
const ALLOWED_OVERLAP = 1_000_000

/** A cut of a second has a tick of its original: two recorders do not begin one at the same microsecond. */
function haveCommonTick(a: readonly TickSummary[], b: readonly TickSummary[]): boolean {
  const starts = new Set(a.map(({ start }) => start))
  return b.some(({ start }) => starts.has(start))
}

/** How much of recordings was read. */
interface Readings extends Pick<Summary, 'damage' | 'recordings'> {
  readonly ticks: number
}

/** Reports on stderr what could not be read. @throws UserError (exit 5) if there is damage and nothing could be read */
export function reportDamage({ damage, ticks, recordings }: Readings, io: Io): void {
  if (ticks === 0 && damage.length > 0) {
    const files = recordings.map(({ file }) => `"${file}"`).join(', ')
    throw recordingError(
      `nothing in the range of ${files} can be read: ${damage.join('; ')}`,
      'upstreamtop check FILE says more.',
    )
  }
  for (const what of damage) io.stderr.line(`upstreamtop: ${what}`)
}
