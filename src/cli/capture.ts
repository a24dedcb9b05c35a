/** Captures for live and record: runs the helper with its taps, one of which is the screen, pictures or lines. */
import { hostname } from 'node:os'
import type { RecordingSink, Unseen } from '../frame/model/recording.ts'
import { startHelperAsCaller, type CaptureOptions } from '../record/helper.ts'
import { record, tapOf, type Tap } from '../record/recorder.ts'
import type { HelloLine } from '../record/wire.ts'
import type { Io } from './io.ts'
import { localZone } from './values/local-zone.ts'

export interface CaptureMeta {
  readonly host: string
  readonly timeZone: string
  readonly kernel: string
  readonly arguments: readonly string[]
  readonly interfaces: readonly string[]
  readonly unseen: readonly Unseen[]
}

export interface CaptureJob {
  readonly capture: CaptureOptions
  /** how long, seconds; null is until stopped */
  readonly seconds: number | null
  /** the command line, for the recording's meta */
  readonly arguments: readonly string[]
  /** opens the recording when the programs are attached; null if nothing is stored */
  readonly openSink: ((meta: CaptureMeta) => RecordingSink) | null
  /** makes the other receiver of the frames, when the programs are attached */
  readonly watcher: (meta: CaptureMeta, stop: () => void) => Watcher
}

export interface Watcher extends Tap {
  /** resolves when the user has left the screen, rejects when the screen has failed; null without a screen */
  readonly closed: Promise<void> | null
  /** no more frames will come */
  end(): void
}

/** Runs until the time is up, the user stops it, or the helper ends. @throws UserError when the helper could not start or died */
export async function capture(io: Io, job: CaptureJob): Promise<void> {
  // Must come first: afterwards this process runs as the user who called sudo, who then owns its files.
  const helper = await startHelperAsCaller(job.capture, io.env)
  const stop = (): void => helper.stop()
  let sink: RecordingSink | null = null
  let watcher: Watcher | null = null
  let timer: NodeJS.Timeout | undefined
  io.signal.addEventListener('abort', stop)
  if (io.signal.aborted) stop()
  try {
    const attached = (hello: HelloLine): readonly Tap[] => {
      const meta = metaOf(hello, job.arguments, io)
      sink = job.openSink?.(meta) ?? null
      // Must come before the screen starts: the text would be written into the screen.
      writeWarnings(hello, io)
      watcher = job.watcher(meta, stop)
      if (job.seconds !== null) timer = setTimeout(stop, job.seconds * 1000)
      return sink === null ? [watcher] : [tapOf(sink), watcher]
    }
    await record(helper, attached, { labels: job.capture.names })
  } finally {
    clearTimeout(timer)
    stop()
    ;(sink as RecordingSink | null)?.close()
    ;(watcher as Watcher | null)?.end()
    await (watcher as Watcher | null)?.closed?.catch(() => undefined)
    io.signal.removeEventListener('abort', stop)
  }
  await (watcher as Watcher | null)?.closed
}

const metaOf = (hello: HelloLine, args: readonly string[], io: Io): CaptureMeta => ({
  host: hello.host === '' ? hostname() : hello.host,
  timeZone: localZone(io),
  kernel: hello.kernel,
  arguments: args,
  interfaces: hello.interfaces.map(({ name }) => name),
  unseen: hello.unseen ?? [],
})

function writeWarnings({ warnings, unseen = [] }: HelloLine, io: Io): void {
  for (const warning of warnings) io.stderr.line(`upstreamtop: ${warning}`)
  for (const { what, remedy } of unseen) io.stderr.line(`upstreamtop: ${what}: ${remedy}`)
}
