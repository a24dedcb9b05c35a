/** Writes the hours of a recording on as many threads as there are cores. Each opens the recording for itself. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Recording } from '../../frame/model/recording.ts'
import { HERE } from '../../place.ts'
import type { WriteHours } from '../../report/parquet/dataset.ts'
import type { HourJob, HourProgress, HourResult } from '../../report/parquet/hour-parts.ts'
import { unpackedError, type ThreadError } from '../../thread-error.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly file: string
  /** µs that are added to the recording's clock */
  readonly offset: number
  /** which recording it must be */
  readonly began: number
}

export type FromThread =
  | { readonly kind: 'progress'; readonly progress: HourProgress }
  | { readonly kind: 'result'; readonly result: HourResult }
  | { readonly kind: 'error'; readonly error: ThreadError }

/** null: no threads */
export type StartThread = ((data: ThreadData) => Worker) | null

/** Beside main. The sources have no such file, and node no loader for them in a thread: there, only tests start threads. */
const startBundled: StartThread = import.meta.url.endsWith('.ts')
  ? null
  : (data) => new Worker(new URL('export-thread.js', HERE), { workerData: data })

export const threadsFor = (most = availableParallelism(), start = startBundled): WriteHours => {
  return async (recording, jobs, { signal, onProgress }) => {
    const data = dataFor(recording)
    const count = Math.min(most, jobs.length)
    if (start === null || data === null || count < 2) return null
    signal.throwIfAborted()
    const queue = jobs.entries()
    const results: HourResult[] = []
    const threads = Array.from({ length: count }, () => start(data))
    const onAbort = (): void => threads.forEach((thread) => void thread.terminate())
    signal.addEventListener('abort', onAbort)
    try {
      await Promise.all(threads.map((thread) => run(thread, queue, results, onProgress)))
      return results
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      await Promise.all(threads.map((thread) => thread.terminate()))
    }
  }
}

/** null: another thread can't open the same */
function dataFor({ place, info }: Recording): ThreadData | null {
  return place === undefined || place === null ? null : { ...place, began: info.began ?? info.start }
}

/** Gives the thread a job after another until there are no more. */
function run(
  thread: Worker,
  queue: IterableIterator<[number, HourJob]>,
  results: HourResult[],
  onProgress: (progress: HourProgress) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let current = -1
    const next = (): void => {
      const { value, done } = queue.next() as IteratorResult<[number, HourJob], undefined>
      if (done === true) resolve()
      else {
        current = value[0]
        thread.postMessage(value[1])
      }
    }
    thread.on('message', (message: FromThread) => {
      switch (message.kind) {
        case 'progress':
          onProgress(message.progress)
          break
        case 'result':
          results[current] = message.result
          next()
          break
        case 'error':
          reject(unpackedError(message.error))
          break
        default:
          message satisfies never
      }
    })
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error('a thread of the export has ended')))
    next()
  })
}
