/** Captures for live and record: runs the helper with its taps, one of which is the screen, pictures or lines. */
import { hostname } from 'node:os'
import type { RecordingSink, Unseen } from '../frame/model/recording.ts'
import type { TlsReading } from '../frame/model/tls.ts'
import { callerOf, changeUser } from '../record/caller.ts'
import { startHelperAsCaller, type CaptureOptions, type Helper } from '../record/helper.ts'
import { record, tapOf, type Tap } from '../record/recorder.ts'
import type { Thinner } from '../record/thinner.ts'
import type { HelloLine } from '../record/wire.ts'
import { tlsLines } from '../render/tls-text.ts'
import type { Io } from './io.ts'
import { byteProgress } from './progress.ts'
import { localZone } from './values/local-zone.ts'

export interface CaptureMeta {
  readonly host: string
  readonly timeZone: string
  readonly kernel: string
  readonly arguments: readonly string[]
  readonly interfaces: readonly string[]
  readonly unseen: readonly Unseen[]
  /** empty: nothing is read within TLS */
  readonly tls: readonly TlsReading[]
}

export interface CaptureJob {
  readonly capture: CaptureOptions
  /** how long, seconds; null is until stopped */
  readonly seconds: number | null
  /** the command line, for the recording's meta */
  readonly arguments: readonly string[]
  /** opens the recording when the programs are attached; null if nothing is stored */
  readonly openSink: ((meta: CaptureMeta) => RecordingSink) | null
  /** opens what must be open before anything is recorded, without the rights of root; resolves to what closes it */
  readonly prepare?: (() => Promise<() => void>) | undefined
  /** the ceiling of what it takes; absent: none */
  readonly thinner?: Thinner | null
  /** how far the reading of a capture is, on stderr: where neither a screen nor lines of ticks are */
  readonly showsProgress?: boolean
  /** makes the other receivers of the frames, when the programs are attached; the file has a frame before they have it */
  readonly watchers: (meta: CaptureMeta, stop: () => void) => readonly Watcher[]
}

export interface Watcher extends Tap {
  /** resolves when the user has left the screen, rejects when the watcher has failed; null where neither can be */
  readonly closed: Promise<void> | null
  /** no more frames will come, and the recording is closed; the program waits for what it still has to do */
  end(): void | Promise<void>
}

/** Runs until the time is up, the user stops it, or the helper ends. @throws UserError when the helper could not start or died */
export async function capture(io: Io, job: CaptureJob): Promise<void> {
  // Must come first: afterwards this process runs as the user who called sudo, who then owns its files.
  const helper = await startSource(job, io)
  const stop = (): void => helper.stop()
  let sink: RecordingSink | null = null
  let watchers: readonly Watcher[] = []
  let timer: NodeJS.Timeout | undefined
  let failed: PromiseRejectedResult | undefined
  let close: (() => void) | undefined
  io.signal.addEventListener('abort', stop)
  if (io.signal.aborted) stop()
  try {
    close = await job.prepare?.()
    const attached = (hello: HelloLine): readonly Tap[] => {
      const meta = metaOf(hello, job.arguments, io)
      sink = job.openSink?.(meta) ?? null
      // Must come before the screen starts: the text would be written into the screen.
      writeWarnings(hello, io)
      watchers = job.watchers(meta, stop)
      if (job.seconds !== null) timer = setTimeout(stop, job.seconds * 1000)
      return sink === null ? watchers : [tapOf(sink), ...watchers]
    }
    await record(helper, attached, {
      labels: job.capture.names,
      thinner: job.thinner ?? null,
    })
  } finally {
    clearTimeout(timer)
    stop()
    ;(sink as RecordingSink | null)?.close()
    const ended = await Promise.allSettled(watchers.map(endOf))
    close?.()
    io.signal.removeEventListener('abort', stop)
    failed = ended.find((end) => end.status === 'rejected')
  }
  if (failed !== undefined) throw failed.reason
}

async function startSource({ capture: source, showsProgress }: CaptureJob, io: Io): Promise<Helper> {
  const { pcap, ...options } = source
  if (pcap === undefined) return startHelperAsCaller(options, io.env)
  const caller = callerOf(io.env)
  if (caller !== null) changeUser(caller)
  const { openCaptureFile } = await import('../record/pcap/capture-file.ts')
  const progress = byteProgress(io)
  const report = (done: number, all: number | null, { packets }: { readonly packets: number }): void =>
    progress.report(done, all, packets)
  const capture = openCaptureFile(pcap, showsProgress === true ? report : () => undefined, () => io.stdin)
  void capture.ended.then(progress.done)
  return capture
}

async function endOf(watcher: Watcher): Promise<void> {
  await watcher.end()
  await watcher.closed
}

const metaOf = (hello: HelloLine, args: readonly string[], io: Io): CaptureMeta => ({
  host: hello.host === '' ? hostname() : hello.host,
  timeZone: localZone(io),
  kernel: hello.kernel,
  arguments: args,
  interfaces: hello.interfaces.map(({ name }) => name),
  unseen: hello.unseen ?? [],
  tls: hello.tls === undefined ? [] : [hello.tls],
})

function writeWarnings({ warnings, unseen = [], tls }: HelloLine, io: Io): void {
  for (const warning of warnings) io.stderr.line(`upstreamtop: ${warning}`)
  for (const { what, remedy } of unseen) io.stderr.line(`upstreamtop: ${what}: ${remedy}`)
  for (const sentence of tlsLines(tls && [tls])) io.stderr.line(`upstreamtop: ${sentence}`)
}
