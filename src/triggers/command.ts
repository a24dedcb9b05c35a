/** Runs the command of --exec: a shell with the dump as $1 and the marker's text as $2, without any of the recorder's rights. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { endGroup, startChild } from './child.ts'

export interface Running {
  readonly ended: Promise<void>
  stop(): void
}

/** Of its output, so that no command floods a log. */
const MOST_LINES = 100
const MOST_CHARACTERS = 1000
/** From its end to that of its output. */
const LAST_OUTPUT_MS = 500

/** @param say takes its output, stdout and stderr, line by line, and how it ended if it failed */
export function runCommand(
  command: string,
  file: string,
  text: string,
  say: (text: string) => void,
): Running {
  const child = startChild(['/bin/sh', '-c', command, 'upstreamtop', file, text], 'nothing')
  const notStarted = (error: Error): void => say(`--exec "${command}" did not start: ${error.message}`)
  if (child instanceof Error) {
    notStarted(child)
    return { ended: Promise.resolve(), stop: () => undefined }
  }
  child.stdin.end()
  let lines = 0
  const print = (line: string): void => {
    if (lines < MOST_LINES) say(`--exec: ${line.slice(0, MOST_CHARACTERS)}`)
    if (lines++ === MOST_LINES) say(`--exec: more than ${MOST_LINES} lines: the rest is not shown`)
  }
  const outputs = [child.stdout, child.stderr].map((stream) => linesOf(stream, print))
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      notStarted(error)
      resolve()
    })
    child.once('exit', (code, signal) => {
      const how = signal === null ? `ended with exit code "${code ?? ''}"` : `was ended by ${signal}`
      const finish = (): void => {
        clearTimeout(timer)
        for (const output of outputs) output()
        if (code !== 0) say(`--exec "${command}" ${how}`)
        resolve()
      }
      // What it has left in the background may keep its output open for ever.
      const timer = setTimeout(finish, LAST_OUTPUT_MS)
      child.once('close', finish)
    })
  })
  return { ended, stop: () => endGroup(child.pid, 'SIGKILL') }
}

/** @returns a function that ends the reading */
function linesOf(stream: Readable, print: (line: string) => void): () => void {
  const reader = createInterface({ input: stream, crlfDelay: Infinity })
  reader.on('line', print)
  return () => {
    reader.close()
    stream.destroy()
  }
}
