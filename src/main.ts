#!/usr/bin/env node
import { getEventListeners } from 'node:events'
import { run } from './cli/run.ts'
import { ExitCode } from './errors.ts'

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Who has something to finish listens; anything else ends at once.
    if (getEventListeners(stopped.signal, 'abort').length === 0) process.exit(ExitCode.interrupted)
    stopped.abort(signal)
  })
}

// A reader that has seen enough (`| head`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitCode.done)
    throw error
  })
}

process.exitCode = await run({
  args: process.argv.slice(2),
  // A getter: whoever asks for the stream makes a pipe non-blocking, and a recording is read from it at once.
  get stdin() {
    return process.stdin
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  now: Date.now,
  signal: stopped.signal,
})
