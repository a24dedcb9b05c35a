import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import { micros, wallMicros, type Micros } from '../../frame/model/units.ts'
import { parseDuration, type TimeScope } from '../../frame/time/time.ts'
import { lookBack } from '../../frame/views/moment.ts'
import { lacksOf } from '../../render/tls-text.ts'
import type { PrintOptions } from '../../replay/print/print.ts'
import { wholeSecondAsTick } from '../../replay/time/stops.ts'
import type { StoredRecording } from '../../store/read/reader.ts'
import type { Io } from '../io.ts'
import { duration } from '../values/amount.ts'
import { speedOption } from '../values/speed.ts'
import { PRINTED, sizeOf, terminalOf } from '../values/terminal.ts'
import { rangeOptions, spanOption, timeOption, timeScope } from '../values/time.ts'
import { addViewOptions, type ViewFlags } from '../values/view.ts'

interface ReplayFlags extends ViewFlags {
  readonly at?: string
  readonly from?: string
  readonly to?: string
  readonly speed: number
  readonly follow?: boolean
  readonly loop?: boolean
  readonly idleLimit?: Micros
  readonly print?: boolean
  readonly frames?: string
  readonly json?: boolean
  readonly ansi?: boolean
}

export function replayCommand(io: Io): Command {
  const command = new Command('replay')
    .description('the leaderboard from a recording, with time travel; as text where there is no terminal')
    .argument('<file>', 'the recording; - is standard input')
    .option('--at <time>', 'show this moment, for example 14:02:11, -5m, 30% or @marker')
    .option('--from <time>', 'start of what is played')
    .option('--to <time>', 'end of what is played; +90s counts from --from')
    .option('--speed <n>', 'times as fast, 0.25 to 64', speedOption, 1)
    .option('--follow', 'stay on the newest second of a file that is being recorded')
    .option('--loop', 'start again at the end')
    .option(
      '--idle-limit <span>',
      'play idle time no longer than this, for example 2s',
      duration('--idle-limit'),
    )
    .option('--print', 'pictures as text, one a second of the recording, or the one of --at')
    .option('--frames <a..b/step>', 'print these, for example 14:02..14:05/10s')
    .option('--json', 'print them as JSON, one object a line')
    .option('--ansi', 'print them in colour')
    .addHelpText('after', EXAMPLES)
  addViewOptions(command, io)
  return command.action(async (file: string, flags: ReplayFlags) => {
    const { openRecording } = await import('../../store/read/reader.ts')
    const follow = flags.follow === true
    const outline = !follow && flags.from === undefined && flags.to === undefined
    const recording = openRecording(file, { follow, outline })
    try {
      await show(file, recording, flags, io)
    } finally {
      recording.close()
    }
  })
}

const wantsText = ({ print, json, ansi, frames }: ReplayFlags): boolean =>
  [print, json, ansi].includes(true) || frames !== undefined

async function show(file: string, recording: StoredRecording, flags: ReplayFlags, io: Io): Promise<void> {
  const scope = timeScope(recording, io, flags.tz)
  const terminal = wantsText(flags) ? null : terminalOf(io, flags.plain)
  if (terminal === null) {
    await print(recording, flags, scope, io)
  } else {
    const { playFile } = await import('../play-file.ts')
    const at = flags.at === undefined ? null : wholeSecondAsTick(timeOption('--at', flags.at, scope))
    const range =
      flags.from === undefined && flags.to === undefined ? null : rangeOptions(flags.from, flags.to, scope)
    focus(recording, { at: at ?? scope.span.from }, flags)
    await playFile(file, recording, terminal, { ...flags, at, range, timeZone: scope.timeZone }, io)
  }
}

/** The picture of one moment needs only the ticks around it. The rest of a long recording is read later or not at all. */
function focus(recording: StoredRecording, which: PrintOptions['which'], { window }: ReplayFlags): void {
  const { from, to } = 'at' in which ? { from: which.at, to: which.at } : which
  recording.focus({ from: wallMicros(from - lookBack(window)), to })
}

async function print(
  recording: StoredRecording,
  flags: ReplayFlags,
  scope: TimeScope,
  io: Io,
): Promise<void> {
  const follows = flags.follow === true && !isBounded(flags)
  const chosen = follows ? 'following' : recording.info.ticks === 0 ? null : chosenFrames(flags, scope)
  if (chosen !== null && chosen !== 'following') focus(recording, chosen.which, flags)
  for (const text of recording.damage) io.stderr.line(`upstreamtop: ${text}`)
  for (const words of lacksOf(recording.info)) io.stderr.line(`upstreamtop: ${words}`)
  if (chosen === null) {
    io.stderr.line('upstreamtop: this recording has no ticks: there is nothing to show')
    return
  }
  const options = {
    board: { backends: flags.backends, routes: flags.routes, sort: flags.sort, filter: flags.filter },
    size: flags.size ?? (wantsText(flags) ? PRINTED : sizeOf(io)),
    timeZone: scope.timeZone,
    windowSeconds: flags.window,
    format: flags.json === true ? 'json' : 'text',
    depth: flags.ansi === true && flags.plain !== true ? 'colour' : 'none',
  } as const
  if (chosen === 'following') {
    const { printFollowing } = await import('../print-following.ts')
    await printFollowing(recording, options, io)
    return
  }
  const { printFrames } = await import('../../replay/print/print.ts')
  const { writePictures } = await import('../write-result.ts')
  const pictures = sayingIfNone(printFrames(recording, { ...options, ...chosen }), io)
  await writePictures(pictures, options.format, io)
}

/** A range between two ticks: without a word it would look like one that was printed. */
function* sayingIfNone(pictures: Iterable<string>, io: Io): Iterable<string> {
  let isNone = true
  for (const picture of pictures) {
    isNone = false
    yield picture
  }
  if (isNone) io.stderr.line('upstreamtop: this range has no ticks: there is nothing to show')
}

const isBounded = ({ at, frames, from, to }: ReplayFlags): boolean =>
  [at, frames, from, to].some((flag) => flag !== undefined)

function chosenFrames(flags: ReplayFlags, scope: TimeScope): Pick<PrintOptions, 'which' | 'step'> {
  if (flags.at !== undefined)
    return { which: { at: wholeSecondAsTick(timeOption('--at', flags.at, scope)) }, step: null }
  if (flags.frames === undefined) return { which: rangeOptions(flags.from, flags.to, scope), step: null }
  const [span = '', step, ...rest] = flags.frames.split('/')
  if (rest.length > 0) throw framesError(flags.frames)
  return {
    which: spanOption('--frames', span, scope),
    step: step === undefined ? null : stepOf(step, flags.frames),
  }
}

/** A number without a unit is in seconds. */
function stepOf(text: string, frames: string): Micros {
  const step = parseDuration(/^\d+$/.test(text) ? `${text}s` : text)
  if (step === null || step < micros(1)) throw framesError(frames)
  return step
}

const framesError = (frames: string): Error =>
  usageError(`--frames "${frames}" is not FROM..TO/STEP`, 'For example 14:02..14:05/10s, or +0s..+60s.')

const EXAMPLES = `
Examples:
  upstreamtop replay incident.db                            play it; ? shows the keys
  upstreamtop replay incident.db --at 14:02:11              stand still there
  upstreamtop replay incident.db --from @deploy --speed 4   from a marker on, four times as fast
  upstreamtop replay incident.db --follow                   watch while it is being recorded
  upstreamtop replay incident.db --print --at 30% --size 120x40 --ansi
                                                            one picture, the same bytes on every machine
  upstreamtop replay incident.db --frames 14:02..14:05/10s --json
                                                            a picture every ten seconds, for a script
`
