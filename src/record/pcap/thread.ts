/** A capture that is read by a thread of its own (src/capture-thread.ts): its lines come in messages. */
import { Worker } from 'node:worker_threads'
import { HERE } from '../../place.ts'
import { unpackedError, type ThreadError } from '../../thread-error.ts'
import type { Seen } from './machine.ts'
import type { CaptureFileOptions, ReportReading } from './reading.ts'

export type FromThread =
  | { readonly kind: 'lines'; readonly lines: Uint8Array }
  | { readonly kind: 'report'; readonly done: number; readonly all: number | null; readonly seen: Seen }
  | { readonly kind: 'error'; readonly error: ThreadError }
  | { readonly kind: 'end' }

export type ToThread =
  /** so many bytes of lines have been processed */
  { readonly kind: 'taken'; readonly bytes: number } | { readonly kind: 'stop' }

/** The thread reads no further while so many bytes of lines wait to be processed. */
export const MAX_WAITING = 1 << 20

/** null: no threads */
export type StartThread = ((options: CaptureFileOptions) => Worker) | null

/** Beside main. The sources have no such file, and node no loader for them in a thread: there, only tests start threads. */
export const startBundled: StartThread = import.meta.url.endsWith('.ts')
  ? null
  : (options) => new Worker(new URL('capture-thread.js', HERE), { workerData: options })

export async function* readInThread(
  thread: Worker,
  report: ReportReading,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const tell = (message: ToThread): void => thread.postMessage(message)
  const stop = (): void => tell({ kind: 'stop' })
  const inbox = new Inbox(thread, report)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    for (let lines; (lines = await inbox.next()) !== null;) {
      yield lines
      tell({ kind: 'taken', bytes: lines.length })
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await thread.terminate()
  }
}

/** What the thread has sent and nobody has taken yet. */
class Inbox {
  readonly #lines: Uint8Array[] = []
  #end: { readonly error: Error | null } | null = null
  #wake: () => void = () => undefined

  constructor(thread: Worker, report: ReportReading) {
    thread.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'lines':
          this.#lines.push(message.lines)
          this.#wake()
          break
        case 'report':
          report(message.done, message.all, message.seen)
          break
        case 'error':
          this.#ends(unpackedError(message.error))
          break
        case 'end':
          this.#ends(null)
          break
        default:
          message satisfies never
      }
    })
    thread.once('error', (error: Error) => this.#ends(error))
    thread.once('exit', () => this.#ends(new Error('the thread that reads the capture has ended')))
  }

  /** null: the end @throws what has ended the thread, behind the lines that it had sent before */
  async next(): Promise<Uint8Array | null> {
    if (this.#lines.length === 0 && this.#end === null)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    const lines = this.#lines.shift()
    if (lines !== undefined) return lines
    if (this.#end!.error !== null) throw this.#end!.error
    return null
  }

  #ends(error: Error | null): void {
    this.#end ??= { error }
    this.#wake()
  }
}
