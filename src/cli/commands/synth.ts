import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import { addMicros, wallMicros, type WallMicros } from '../../frame/model/units.ts'
import { parseDuration, parseTime, TimeError } from '../../frame/time/time.ts'
import { INCIDENT_KINDS, type Incident } from '../../simulate/synth-plan.ts'
import type { Io } from '../io.ts'
import { refuseStandardOutput } from '../values/file.ts'
import { wholeNumber } from '../values/number.ts'
import { repeated } from '../values/repeated.ts'
import { timeOption, timeZoneOption } from '../values/time.ts'

interface SynthFlags {
  readonly out: string
  readonly seed: number
  readonly secs: number
  readonly backends: number
  readonly routes: number
  readonly rps: number
  readonly requests: number
  readonly start: string
  readonly host: string
  readonly tz: string
  readonly incident: readonly string[]
}

export function synthCommand(io: Io): Command {
  return new Command('synth')
    .description(
      'make a recording of traffic that never was, without kernel or root: for tests and to try things',
    )
    .requiredOption('-o, --out <file>', 'the recording to make; never overwritten')
    .option('--seed <n>', 'the same seed makes the same recording', wholeNumber('--seed', 0, 0xffffffff), 1)
    .option('--secs <n>', 'length in seconds', wholeNumber('--secs', 1, 31 * 86_400), 300)
    .option('--backends <n>', 'number of backends', wholeNumber('--backends', 1, 1000), 3)
    .option('--routes <n>', 'number of routes', wholeNumber('--routes', 1, 10_000), 8)
    .option('--rps <n>', 'requests per second, on average', wholeNumber('--rps', 0, 100_000), 120)
    .option('--requests <n>', 'requests listed per second', wholeNumber('--requests', 0, 100_000), 20)
    .option('--incident <kind@a..b>', 'something that goes wrong (repeatable), see below', repeated, [])
    .option('--host <name>', 'name of the host', 'synth')
    .option('--start <time>', 'ISO time of the first tick', '2026-11-22T14:00:00Z')
    .option('--tz <zone>', 'time zone of the recording', timeZoneOption(io), 'UTC')
    .addHelpText('after', DETAILS)
    .action(async (flags: SynthFlags) => {
      refuseStandardOutput('-o', flags.out)
      const start = startTime(flags.start, flags.tz)
      const incidents = flags.incident.map((text) => incidentOf(text, { ...flags, start }))
      const { writeSynth } = await import('../synth.ts')
      await writeSynth({ ...flags, start, incidents }, io.signal)
    })
}

/** When a recording can begin, see store/format/limits.ts; the longest synth ends before 2200. */
const EVER = { from: wallMicros(0), to: wallMicros(Date.UTC(2199, 11) * 1000 - 1) }

/** A date, or a date and time; without its zone in that of the recording. */
function startTime(text: string, timeZone: string): WallMicros {
  const [date, time] = [/^\d{4}-\d\d-\d\d$/.test(text), /^\d{4}-\d\d-\d\d[T ]/i.test(text)]
  try {
    if (date || time)
      return parseTime(date ? `${text}T00:00` : text, { span: EVER, timeZone, now: EVER.from, markers: [] })
  } catch (error) {
    if (!(error instanceof TimeError)) throw error
  }
  throw usageError(`--start "${text}" is not a time`, 'For example 2026-11-22T14:00:00Z, from 1970 to 2199.')
}

interface Recorded extends Pick<SynthFlags, 'secs' | 'backends' | 'tz'> {
  readonly start: WallMicros
}

function incidentOf(text: string, recorded: Recorded): Incident {
  const { backends } = recorded
  const [, name, number, from = '', to = ''] = /^([^@:]+)(?::(\d+))?@(.+)\.\.(.+)$/.exec(text) ?? []
  const kind = INCIDENT_KINDS.find((known) => known === name)
  if (kind === undefined) {
    throw usageError(`--incident "${text}" is no KIND@a..b`, `KIND is one of ${INCIDENT_KINDS.join(', ')}.`)
  }
  const incident = { kind, from: secondOf(from, recorded), to: secondOf(to, recorded) }
  if (incident.from >= incident.to)
    throw usageError(`--incident "${text}" is empty`, 'Write it as KIND@a..b with a < b.')
  if (number === undefined) return { ...incident, backend: null }
  const backend = Number(number) - 1
  if (backend < 0 || backend >= backends)
    throw usageError(`--incident "${text}": there are ${backends} backends`)
  return { ...incident, backend }
}

/** `90`, `90s`, `+5m` from the start, also beyond the end; else a time as everywhere: `14:02`, `-60s`, `30%`. */
function secondOf(text: string, { start, secs, tz }: Recorded): number {
  const word = text.replace(/^\+/, '')
  const span = /^\d+(\.\d+)?$/.test(word) ? Number(word) * 1e6 : parseDuration(word)
  if (span !== null) return Math.round(span / 1e6)
  const recording = { from: start, to: addMicros(start, secs * 1e6) }
  const at = timeOption('--incident', text, { span: recording, timeZone: tz, now: start, markers: [] })
  return Math.round((at - start) / 1e6)
}

const DETAILS = `
Incidents, each in [a, b): 90, 5m, 30% from the start, -60s from the end, 14:02; KIND:N@a..b is of the N-th backend:
  5xx       40 % of a backend's answers are 500, 502 or 503
  slow      a backend takes eight times as long
  vanish    a backend gets no requests, the others get its share
  appear    a further backend is there, in this time only
  refused   a backend refuses connections, nginx asks another one
  surge     three times the traffic
  stop      no traffic at all
  gap       nothing was recorded

Examples:
  upstreamtop synth -o quiet.db --secs 3600
  upstreamtop synth -o incident.db --secs 900 --incident 5xx@3m..4m --incident slow:2@6m..7m30s \\
      --incident vanish:1@9m..11m --incident gap@12m..12m45s
  for h in web1 web2 web3; do upstreamtop synth -o $h.db --host $h --seed \${h#web}; done
`
