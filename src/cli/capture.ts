/** The one way in which live and record capture: the helper, its taps, and the screen or the lines beside them. */
import { hostname } from 'node:os'
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import type { RecordingSink } from '../frame/model/recording.ts'
import { startHelperAsCaller, type CaptureOptions } from '../record/helper.ts'
import { record, tapOf, type Tap } from '../record/recorder.ts'
import type { HelloLine } from '../record/wire.ts'
import type { Io } from './io.ts'

export interface CaptureMeta {
  readonly host: string
  readonly timeZone: string
  readonly kernel: string
  readonly arguments: readonly string[]
  readonly interfaces: readonly string[]
}

export interface CaptureJob {
  readonly capture: CaptureOptions
  /** how long, seconds; null is until stopped */
  readonly seconds: number | null
  /** the command line, for the recording's meta */
  readonly arguments: readonly string[]
  /** opens the recording once the programs are attached; null where nothing is stored */
  readonly openSink: ((meta: CaptureMeta) => RecordingSink) | null
  /** what else gets the frames; told to begin when the programs are attached */
  readonly watcher: (meta: CaptureMeta, stop: () => void) => Watcher
}

export interface Watcher extends Tap {
  /** the screen: resolves when it has been left; rejects when it broke */
  readonly closed: Promise<void> | null
  /** no more frames will come */
  end(): void
}

/** Runs until the time is up, the user stops it, or the helper ends. @throws UserError when the helper could not start or died */
export async function capture(io: Io, job: CaptureJob): Promise<void> {
  // The helper first: afterwards this process is the user who called sudo, and so are its files.
  const helper = await startHelperAsCaller(job.capture, io.env)
  const stop = (): void => helper.stop()
  let sink: RecordingSink | null = null
  let watcher: Watcher | null = null
  let timer: NodeJS.Timeout | undefined
  io.signal.addEventListener('abort', stop)
  if (io.signal.aborted) stop()
  try {
    await record(helper, (hello) => {
      const meta = metaOf(hello, job.arguments)
      sink = job.openSink?.(meta) ?? null
      // Before there is a screen: afterwards it would be written into it.
      sayWhatIsMissing(hello, io)
      watcher = job.watcher(meta, stop)
      if (job.seconds !== null) timer = setTimeout(stop, job.seconds * 1000)
      return sink === null ? [watcher] : [tapOf(sink), watcher]
    })
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

const metaOf = (hello: HelloLine, args: readonly string[]): CaptureMeta => ({
  host: hello.host === '' ? hostname() : hello.host,
  timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
  kernel: hello.kernel,
  arguments: args,
  interfaces: hello.interfaces.map(({ name }) => name),
})

function sayWhatIsMissing({ warnings, unseen = [] }: HelloLine, io: Io): void {
  for (const warning of warnings) io.stderr.line(`upstreamtop: ${warning}`)
  for (const { what, remedy } of unseen) io.stderr.line(`upstreamtop: ${what}: ${remedy}`)
}

/** A watcher that does nothing on the screen. */
export const quietly = (frame: (frame: SecondFrame) => void, marker: (marker: Marker) => void): Watcher => ({
  frame,
  marker,
  closed: null,
  end: () => undefined,
})
