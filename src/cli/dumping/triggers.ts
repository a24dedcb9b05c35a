/** The watcher that acts by itself: marks what begins to hold, dumps what led to it, and dumps when it is asked to. */
import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Marker } from '../../frame/model/frame.ts'
import type { Micros } from '../../frame/model/units.ts'
import { PACKAGE } from '../../place.ts'
import type { CutEnd } from '../../triggers/cutting.ts'
import { listenForDumps } from '../../triggers/dump-socket.ts'
import { Dumps } from '../../triggers/dumps.ts'
import { Firing } from '../../triggers/firing.ts'
import type { CaptureMeta, Watcher } from '../capture.ts'
import type { Io } from '../io.ts'
import type { TriggerOptions } from '../values/triggers.ts'

export interface DumpedFile {
  /** its name now: it may have been moved, and begun anew */
  readonly path: () => string
  readonly minFree: number | null
  /** into the file, and to all who watch */
  readonly mark: (marker: Marker) => void
  readonly say: (text: string) => void
  /** its last reader is gone */
  readonly settle: () => void
}

/** Who has asked for a dump before there was a tick. */
interface Asked {
  readonly text: string
  readonly last: Micros
  readonly answer?: (end: CutEnd) => void
}

export function watchTriggers(
  io: Io,
  { host }: CaptureMeta,
  options: TriggerOptions,
  file: DumpedFile,
): Watcher {
  const { triggers, last, every, keep, into, exec } = options
  const firing = new Firing({ triggers, last, every })
  const { minFree, path, say } = file
  const dumps = new Dumps({ program: ourselves(), host, into, keep, minFree, exec, recording: path, say })
  if (triggers.length > 0) warnIfUnreadable(say)
  let waiting: readonly Asked[] = []
  const dumpNow = (): void => {
    const asked = waiting
    waiting = []
    for (const { text, last: span, answer } of asked) {
      const now = firing.spanNow(span)
      if (now === null) answer?.({ problem: 'nothing has been recorded yet' })
      else dumps.add({ text, ...now, asked: span, ...(answer && { answer }) })
    }
  }
  const ask = (asked: Asked): void => {
    waiting = [...waiting, asked]
    // Before the first tick there is nothing to dump; then it is dumped.
    if (firing.spanNow(last) !== null) dumpNow()
  }
  const socket = listenForDumps(
    path(),
    (question, answer) => ask({ text: 'dump', last: question.last ?? last, answer }),
    say,
  )
  io.onDumpSignal?.(() => ask({ text: 'SIGUSR2', last }))
  return {
    frame: (frame) => {
      const { markers, due } = firing.tick(frame)
      for (const marker of markers) file.mark(marker)
      for (const dump of due) dumps.add({ ...dump, asked: last })
      if (waiting.length > 0) dumpNow()
    },
    marker: () => undefined,
    closed: null,
    end: async () => {
      socket?.close()
      for (const dump of firing.end()) dumps.add({ ...dump, asked: last })
      dumpNow()
      await dumps.end()
      file.settle()
    },
  }
}

const MAIN = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'src/main.ts' : 'dist/main.js', PACKAGE))

const ourselves = (): readonly string[] => [process.execPath, ...process.execArgv, MAIN]

/** Under sudo the recorder is the caller by now, who may not be able to read the program again. */
function warnIfUnreadable(say: (text: string) => void): void {
  try {
    accessSync(MAIN, constants.R_OK)
  } catch {
    say(
      `"${MAIN}" may not be read by user "${process.geteuid?.() ?? ''}": nothing can be dumped; install it where everybody may read`,
    )
  }
}
