#!/usr/bin/env node
import { getEventListeners } from 'node:events'
import { isatty } from 'node:tty'
import { run } from './cli/run.ts'
import { ExitCode } from './errors.ts'

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Who has something to finish listens; anything else ends at once.
    if (getEventListeners(stopped.signal, 'abort').length === 0) {
      if (signal === 'SIGHUP') hangUp()
      process.exit(ExitCode.interrupted)
    }
    stopped.abort(signal)
  })
}

// A reader that has seen enough (`| head`) is no error. A turn later: a gate that failed has failed all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const enough = error.code === 'EPIPE'
  if (!enough) process.stderr.write(`upstreamtop: standard output can't be written: ${error.message}\n`)
  setImmediate(() => {
    const code = process.exitCode ?? ExitCode.done
    process.exit(code === ExitCode.done && !enough ? ExitCode.system : code)
  })
})
// Nobody hears the talk: a recording goes on.
process.stderr.on('error', () => undefined)

const hadTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor))

/** Where the terminal is gone, node would abort in giving it back its settings; a hang-up ends as one. */
function hangUp(): void {
  if (!hadTerminal) return
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
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
if (stopped.signal.reason === 'SIGHUP') hangUp()
