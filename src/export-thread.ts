/** A thread that writes hours of one recording: src/cli/exporting/threads.ts starts it, and sends it one job after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromThread, ThreadData } from './cli/exporting/threads.ts'
import { recordingError } from './errors.ts'
import type { Recording, SeqRange } from './frame/model/recording.ts'
import { shifted } from './report/data/source.ts'
import { writeHour, type HourJob } from './report/parquet/hour-parts.ts'
import { openRecording, StoredRecording } from './store/read/reader.ts'
import { packedError } from './thread-error.ts'

const port = parentPort!
const { file, offset, began } = workerData as ThreadData
const tell = (message: FromThread): void => port.postMessage(message)

const recording = open()

port.on('message', (job: HourJob) => {
  if (recording === null) return
  writeHour(recording, job, (progress) => tell({ kind: 'progress', progress })).then(
    (result) => tell({ kind: 'result', result }),
    tellError,
  )
})

/** null: it was told why it can't be opened */
function open(): ReturnType<typeof shifted> | null {
  try {
    const opened = shifted(withoutTicks(), offset)
    if ((opened.info.began ?? opened.info.start) === began) return opened
    throw recordingError(`"${file}" is another recording than a moment ago`, 'Begin again.')
  } catch (error) {
    tellError(error)
    return null
  }
}

/** A list of all ticks in each thread would be tens of megabytes. It is needed once a tick is not whole, to look for it in the pages. */
function withoutTicks(): Recording {
  const opened = openRecording(file, { outline: true })
  let isOutline = true
  return Object.assign(opened, {
    columns: (range: SeqRange) => {
      const columns = StoredRecording.prototype.columns.call(opened, range)
      if (columns === null && isOutline) isOutline = !opened.refresh()
      return columns
    },
  })
}

function tellError(reason: unknown): void {
  tell({ kind: 'error', error: packedError(reason) })
}
