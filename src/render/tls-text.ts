/** What is read within TLS, as sentences. Pure. */
import type { RecordingInfo } from '../frame/model/recording.ts'
import type { TlsProgram, TlsReading } from '../frame/model/tls.ts'
import { nanoseconds } from './quantities.ts'

/** Of a recording without `--tls`. */
export const TLS_UNREAD = 'TLS: its requests are not read: record with --tls'

/** What is read of the programs, at what cost, and what is not read; empty without `--tls`. */
export const tlsLines = (readings: readonly TlsReading[] = []): readonly string[] =>
  readings.flatMap((reading) => [...readLines(reading), ...reading.programs.flatMap(notRead)])

/** A program that is not read is a lack, as others are. */
export const tlsNotRead = (readings: readonly TlsReading[] = []): readonly string[] =>
  readings.flatMap(({ programs }) => programs.flatMap(notRead))

/** What a recording lacks, each in a few words. */
export const lacksOf = ({ unseen = [], tls }: Pick<RecordingInfo, 'unseen' | 'tls'>): readonly string[] => [
  ...unseen.map(({ what }) => what),
  ...tlsNotRead(tls),
]

function readLines(reading: TlsReading): readonly string[] {
  const { programs, forced } = reading
  if (programs.length === 0) return ['TLS is read, but no nginx ran when the recorder started']
  const read = programs.filter((program) => program.read)
  if (read.length === 0) return []
  const paths = read.map(({ path }) => path).join(', ')
  return [`TLS read in ${paths}: ${probesOf(read)}${costOf(reading)}${forced ? ' (--tls=force)' : ''}`]
}

/** `emulated probes`, `emulated and stepped probes` */
function probesOf(programs: readonly TlsProgram[]): string {
  const classes = [...new Set(programs.flatMap(({ probe }) => probe ?? []))].sort().join(' and ')
  return classes === '' ? 'probes' : `${classes} probes`
}

function costOf({ entry_ns: entry, return_ns: ret }: TlsReading): string {
  const parts = [
    ...(entry === null ? [] : [`${nanoseconds(entry)} at an entry`]),
    ...(ret === null ? [] : [`${nanoseconds(ret)} at a return`]),
  ]
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`
}

const notRead = ({ path, read, why }: TlsProgram): readonly string[] =>
  read ? [] : [`${path} is not read within TLS: ${why === '' ? 'the recorder does not say why' : why}`]
