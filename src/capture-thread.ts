/** A thread that reads a capture: src/record/pcap/thread.ts starts it, and takes its lines. */
import { parentPort, workerData } from 'node:worker_threads'
import { openCapture } from './record/pcap/bytes.ts'
import { Reading, type CaptureFileOptions } from './record/pcap/reading.ts'
import { MAX_WAITING, type FromThread, type ToThread } from './record/pcap/thread.ts'
import { packedError } from './thread-error.ts'

const port = parentPort!
const options = workerData as CaptureFileOptions
const stopping = new AbortController()
/** bytes of lines that were sent and are not processed yet */
let waiting = 0
let goOn = (): void => undefined

port.on('message', (message: ToThread) => {
  if (message.kind === 'stop') stopping.abort()
  else {
    waiting -= message.bytes
    goOn()
  }
})

const tell = (message: FromThread): void => port.postMessage(message)

async function read(): Promise<void> {
  const bytes = openCapture(options.file, noInput)
  const reading = new Reading(
    options,
    bytes,
    (done, all, seen) => tell({ kind: 'report', done, all, seen }),
    stopping.signal,
  )
  for await (const lines of reading.lines()) {
    waiting += lines.length
    tell({ kind: 'lines', lines })
    while (waiting > MAX_WAITING) await new Promise<void>((resolve) => (goOn = resolve))
  }
}

function noInput(): never {
  throw new Error('standard input is read by the main thread')
}

read().then(
  () => tell({ kind: 'end' }),
  (error: unknown) => tell({ kind: 'error', error: packedError(error) }),
)
