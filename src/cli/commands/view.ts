import { Command } from 'commander'
import { ExitCode, usageError, UserError, recordingError } from '../../errors.ts'
import { lacksOf } from '../../render/tls-text.ts'
import { listenOption, type Address } from '../../report/view/http/listen.ts'
import type { Source } from '../../report/view/served.ts'
import type { StoredRecording } from '../../store/read/reader.ts'
import type { Io } from '../io.ts'
import { keepHeapSmall } from '../small-heap.ts'
import { selectionOption } from '../values/expression.ts'
import { refuseStream } from '../values/file.ts'
import { repeated } from '../values/repeated.ts'
import { sortOption } from '../values/sort.ts'
import { rangeOptions, timeScope, timeZoneOption } from '../values/time.ts'

const ANY_PORT: Address = { host: '127.0.0.1', port: 0 }

interface ViewFlags {
  readonly listen?: Address
  readonly from?: string
  readonly to?: string
  readonly where: readonly string[]
  readonly tz?: string
}

export function viewCommand(io: Io): Command {
  return new Command('view')
    .description('the page of recordings of any length in a browser, down to single seconds and requests')
    .argument('<file...>', 'the recording, which may still grow; two are shown side by side')
    .option(
      '--listen <host:port>',
      'where to serve it, on this host only (default: 127.0.0.1:0, any port that is free)',
      listenOption,
    )
    .option('--from <time>', 'start of what is shown, for example 14:02, +90s, 30% or @marker')
    .option('--to <time>', 'end of what is shown; +90s counts from --from')
    .option('--where <expression>', 'rows and lines to keep (repeatable)', repeated, [])
    .option(
      '--tz <zone>',
      "show times in local, UTC or a named zone (default: the recording's)",
      timeZoneOption(io),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], flags: ViewFlags) => {
      for (const file of files) refuseStream('view', file)
      if (files.length > 2)
        throw usageError(
          `"${files[2]}" is one too many`,
          'Two recordings are shown side by side; upstreamtop report adds more of them up.',
        )
      const selection = selectionOption('--where', flags.where)
      if (selection.codes !== null)
        throw usageError('--where: "status" selects single requests, not lines', 'Leave it here.')
      const recordings = await openAll(files)
      try {
        for (const recording of recordings) refuseWithoutTicks(recording)
        const sources = recordings.map((recording) => sourceOf(recording, flags, io))
        await serveUntilStopped(sources, flags.listen ?? ANY_PORT, selection, io)
      } finally {
        for (const recording of recordings) recording.close()
      }
    })
}

/** One that is being recorded is followed. */
async function openAll(files: readonly string[]): Promise<StoredRecording[]> {
  const { openRecording } = await import('../../store/read/reader.ts')
  const opened: StoredRecording[] = []
  try {
    for (const file of files) {
      const recording = openRecording(file)
      const isGrowing = recording.recorder !== null
      if (isGrowing) recording.close()
      opened.push(isGrowing ? openRecording(file, { follow: true }) : recording)
    }
    return opened
  } catch (error) {
    for (const recording of opened) recording.close()
    throw error
  }
}

/** The page has no picture without a time. */
function refuseWithoutTicks({ info, ticks, recorder }: StoredRecording): void {
  if (ticks.length > 0) return
  throw recordingError(
    `"${info.file}" has no ticks: there is nothing to show`,
    recorder === null
      ? `upstreamtop check ${info.file} says more.`
      : 'It has just begun: try again in a second.',
  )
}

function sourceOf(recording: StoredRecording, { from, to, tz }: ViewFlags, io: Io): Source {
  for (const what of recording.damage) io.stderr.line(`upstreamtop: ${what}`)
  for (const words of lacksOf(recording.info)) io.stderr.line(`upstreamtop: ${words}`)
  const scope = timeScope(recording, io, tz)
  const range = from === undefined && to === undefined ? null : rangeOptions(from, to, scope)
  return {
    recording,
    from: from === undefined ? null : (range?.from ?? null),
    to: to === undefined ? null : (range?.to ?? null),
    isGrowing: () => to === undefined && recording.recorder !== null,
    timeZone: scope.timeZone,
  }
}

async function serveUntilStopped(
  sources: readonly Source[],
  address: Address,
  selection: ReturnType<typeof selectionOption>,
  io: Io,
): Promise<void> {
  const { serveView } = await import('../../report/view/view.ts')
  keepHeapSmall()
  const stopped = new Promise<void>((done) =>
    io.signal.addEventListener('abort', () => done(), { once: true }),
  )
  const server = await serveView(sources, address, {
    selection,
    parseWhere: (text) => selectionOption('where', [text]),
    parseSort: sortOption,
    onBug: (error) =>
      io.stderr.line(`upstreamtop: this is a bug: ${error instanceof Error ? error.stack : String(error)}`),
  })
  try {
    io.stdout.line(server.url)
    io.stderr.line(
      'upstreamtop: open it in a browser of this host; whoever has the address sees the recording; Ctrl-C ends it',
    )
    await stopped
  } finally {
    server.close()
  }
  throw new UserError(ExitCode.interrupted, 'stopped')
}

const EXAMPLES = `
Examples:
  upstreamtop view incident.db                        prints the address of the page
  upstreamtop view incident.db --from 14:00 --to +1h  an hour of it
  upstreamtop view before.db after.db                 two recordings side by side, in step, with what differs
  ssh -L 8080:127.0.0.1:8080 web1 upstreamtop view --listen 127.0.0.1:8080 incident.db   looked at from elsewhere

The page asks for what it shows: zoom down to single seconds and single requests. What it shows is in its address behind #.
`
