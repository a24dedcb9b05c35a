/** `record … -- COMMAND`: a command that runs while it is recorded. The recorder never ends it: no test shall fail because of its recorder. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { usageError } from '../../errors.ts'
import { environmentOfCaller, withoutRights } from '../../record/caller.ts'
import type { Watcher } from '../capture.ts'
import type { Io } from '../io.ts'

export interface ChildCommand extends Watcher {
  /** of the command when it has ended, as a shell says it: 128 + n after a signal, 127 and 126 where it could not be started */
  readonly exitCode: () => number
}

export type Words = readonly [string, ...string[]]

/** The command after `--`; null if there is none. @param operands what commander found beside the options @throws UserError */
export function commandAfterDashes(operands: readonly string[], { args }: Io): Words | null {
  const after = args.includes('--') ? args.slice(args.indexOf('--') + 1) : null
  // Before the dashes it may be a misspelled option. Nothing is run by mistake.
  const [stray = operands[0]] = operands.slice(0, operands.length - (after?.length ?? 0))
  if (operands.length > (after?.length ?? 0))
    throw usageError(`record takes options only, and "${stray}" is none`, 'A command stands after --.')
  if (after === null) return null
  const [file = '', ...rest] = after
  if (file === '')
    throw usageError('there is no command after "--"', 'For example: record --out ci.db -- npm test')
  return [file, ...rest]
}

/** Starts it as the caller, with the caller's environment and our standard streams. @param stop ends the recording */
export function startCommand(words: Words, io: Io, stop: () => void): ChildCommand {
  const [file] = words
  const child = spawn(...withoutRights(words), { stdio: 'inherit', env: environmentOfCaller(io.env) })
  let exitCode: number | null = null
  const say = (text: string): void => io.stderr.line(`upstreamtop: ${text}`)
  const passOn = (): void => {
    const name = io.signal.reason as NodeJS.Signals
    if (name !== 'SIGINT' || !hasTerminal()) child.kill(name)
  }
  io.signal.addEventListener('abort', passOn)
  const closed = new Promise<void>((resolve) => {
    const ended = (code: number): void => {
      exitCode = code
      io.signal.removeEventListener('abort', passOn)
      stop()
      resolve()
    }
    child.once('exit', (code, signal) => ended(code ?? 128 + constants.signals[signal!]))
    child.once('error', (error: NodeJS.ErrnoException) => {
      say(`"${file}" could not be started: ${reasonOf(error)}`)
      ended(error.code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE)
    })
  })
  return {
    frame: () => undefined,
    marker: () => undefined,
    closed,
    end: () => {
      if (exitCode === null && !io.signal.aborted) say(`the recording has ended; "${file}" goes on`)
    },
    exitCode: () => exitCode ?? 0,
  }
}

/** As shells say it. */
const NOT_FOUND = 127
const NOT_RUNNABLE = 126

const reasonOf = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ENOENT' ? 'there is no such command' : code === 'EACCES' ? 'it may not be run' : message

/** Ctrl-C there goes to all that runs in it. */
const hasTerminal = (): boolean => [0, 1, 2].some((descriptor) => isatty(descriptor))
