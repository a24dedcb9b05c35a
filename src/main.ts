#!/usr/bin/env node
import { isatty } from 'node:tty'
import { Outlet } from './cli/outlet.ts'
import { explain, run } from './cli/run.ts'
import { stopSignal } from './cli/signals.ts'
import { ExitCode } from './errors.ts'

const signal = stopSignal()
const talk = new Outlet(process.stderr)

// A reader that has seen enough (`| head`) is no error. A turn later: a gate that failed has failed all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const enough = error.code === 'EPIPE'
  if (!enough) talk.line(`upstreamtop: standard output can't be written: ${error.message}`)
  setImmediate(() => {
    const code = process.exitCode ?? ExitCode.done
    process.exit(code === ExitCode.done && !enough ? ExitCode.system : code)
  })
})
// Nobody hears the talk: a recording goes on.
process.stderr.on('error', () => undefined)
// Node's own words would show the message as it is.
process.on('uncaughtException', (error) => process.exit(explain(error, talk)))

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
  signal,
})
if (signal.reason === 'SIGHUP') hangUp()
