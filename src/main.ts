#!/usr/bin/env node
import { isatty } from 'node:tty'
import { hearDumpSignal, ignoreSignals } from './cli/ignored-signals.ts'

// Before anything else is loaded: until then SIGUSR1 opens node's debugger, and the others end the program.
const onIgnoredSignal = ignoreSignals(process.argv.slice(2))
const onDumpSignal = hearDumpSignal(process.argv.slice(2))

const [{ Outlet }, { explain, run }, { stopSignal }, { ExitCode }] = await Promise.all([
  import('./cli/outlet.ts'),
  import('./cli/run.ts'),
  import('./cli/signals.ts'),
  import('./errors.ts'),
])

const signal = stopSignal()
const messages = new Outlet(process.stderr)

/** set by a command that has waited long enough for the reader of its stdout */
let isLeft = false as boolean
/** set by a command that goes on without stdout */
let tellLostReader: ((error: NodeJS.ErrnoException) => void) | null = null

// EPIPE (`| head`) is no error. Exit in the next turn of the event loop, so that the exit code of a failed gate is set first.
let isLost = false
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Every write that waits fails with it.
  if (isLost) return
  isLost = true
  if (tellLostReader !== null) {
    tellLostReader(error)
    return
  }
  const isReaderGone = error.code === 'EPIPE'
  if (!isReaderGone) messages.line(`upstreamtop: standard output can't be written: ${error.message}`)
  setImmediate(() => {
    const code = process.exitCode ?? ExitCode.done
    process.exit(code === ExitCode.done && !isReaderGone ? ExitCode.system : code)
  })
})
// If stderr is closed, a recording goes on without messages.
process.stderr.on('error', () => undefined)
// Node would print the message without making control bytes visible.
process.on('uncaughtException', (error) => process.exit(explain(error, messages)))

const hadTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor))

/** Without its terminal, Node would abort when it restores the terminal settings at exit. Therefore SIGHUP ends the program. */
function hangUp(): void {
  if (!hadTerminal) return
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
}

process.exitCode = await run({
  args: process.argv.slice(2),
  // A getter, because reading process.stdin makes a pipe non-blocking, but a recording is read from it synchronously.
  get stdin() {
    return process.stdin
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  now: Date.now,
  signal,
  onIgnoredSignal,
  onLostReader: (tell) => (tellLostReader = tell),
  leaveStdout: () => (isLeft = true),
  ...(onDumpSignal && { onDumpSignal }),
})
if (signal.reason === 'SIGHUP') hangUp()
// Node would wait for what nobody reads.
if (isLeft) process.exit()
