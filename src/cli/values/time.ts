/** Times on the command line: the grammar of src/frame/time/time.ts, relative to a recording. Bad times are usage errors. */
import { usageError } from '../../errors.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { wallMicros, type WallMicros } from '../../frame/model/units.ts'
import {
  parseRange,
  parseSpan,
  parseTime,
  spanOf,
  TimeError,
  type TimeScope,
  type TimeSpan,
} from '../../frame/time/time.ts'
import { isTimeZone, useProcessZone } from '../../frame/time/timezone.ts'
import type { Io } from '../io.ts'
import { localZone } from './local-zone.ts'

/** `timeZone` overrides the recording's. Without ticks the span is from the recording's start to its end. */
export function timeScope(recording: Recording, io: Io, timeZone?: string): TimeScope {
  const { info, ticks, markers } = recording
  if (timeZone === undefined) useRecordingZone(info.timeZone)
  return {
    span: spanOf(ticks) ?? { from: info.start, to: info.end },
    timeZone: timeZone ?? info.timeZone,
    now: wallMicros(io.now() * 1000),
    markers,
    onCut: (text) => io.stderr.line(`upstreamtop: ${text}`),
  }
}

/** Makes the recording's time zone that of the process, if its name is known. */
function useRecordingZone(timeZone: string): void {
  if (timeZone === 'UTC' || !Intl.supportedValuesOf('timeZone').includes(timeZone)) return
  process.env.TZ = timeZone
  useProcessZone(timeZone)
}

/** Several recordings together: from the first start to the last end of those that have ticks, in the first one's zone. */
export function fleetScope(recordings: readonly Recording[], io: Io, timeZone?: string): TimeScope {
  const scopes = recordings.map((recording) => timeScope(recording, io, timeZone))
  const begun = scopes.filter((_, i) => recordings[i]!.ticks.length > 0)
  const spans = (begun.length > 0 ? begun : scopes).map(({ span }) => span)
  return {
    ...scopes[0]!,
    span: {
      from: wallMicros(Math.min(...spans.map(({ from }) => from))),
      to: wallMicros(Math.max(...spans.map(({ to }) => to))),
    },
    markers: scopes.flatMap(({ markers }) => markers),
  }
}

/** `--at T` */
export const timeOption = (option: string, text: string, scope: TimeScope): WallMicros =>
  orUsageError(option, () => parseTime(text, scope))

/** `--from T --to T` */
export const rangeOptions = (from: string | undefined, to: string | undefined, scope: TimeScope): TimeSpan =>
  orUsageError(from === undefined ? '--to' : to === undefined ? '--from' : '--from/--to', () =>
    parseRange(from, to, scope),
  )

/** `--base a..b` */
export const spanOption = (option: string, text: string, scope: TimeScope): TimeSpan =>
  orUsageError(option, () => parseSpan(text, scope))

/** `--tz local|UTC|NAME` */
export const timeZoneOption =
  (io: Io) =>
  (text: string): string => {
    if (text === 'local') return localZone(io)
    if (isTimeZone(text)) return text
    throw usageError(`--tz "${text}" is no time zone`, 'Write local, UTC, or a name such as Europe/Berlin.')
  }

function orUsageError<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof TimeError) throw usageError(`${option}: ${error.message}`, error.remedy)
    throw error
  }
}
