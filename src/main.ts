#!/usr/bin/env node
import { isatty } from 'node:tty'
import { Outlet } from './cli/outlet.ts'
import { explain, run } from './cli/run.ts'
import { stopSignal } from './cli/signals.ts'
import { ExitCode } from './errors.ts'

const signal = stopSignal()
const talk = new Outlet(process.stderr)

// EPIPE (`| head`) is no error. Exit one event-loop turn later, so that the exit code of a failed gate is set first.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const enough = error.code === 'EPIPE'
  if (!enough) talk.line(`upstreamtop: standard output can't be written: ${error.message}`)
  setImmediate(() => {
    const code = process.exitCode ?? ExitCode.done
    process.exit(code === ExitCode.done && !enough ? ExitCode.system : code)
  })
})
// stderr is closed: a recording goes on without messages.
process.stderr.on('error', () => undefined)
// Node would print the message without making control bytes visible.
process.on('uncaughtException', (error) => process.exit(explain(error, talk)))

const hadTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor))

/** If the terminal is gone, Node aborts while it restores the settings; so the program ends by SIGHUP itself. */
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
