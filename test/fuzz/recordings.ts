/** The commands that read a recording, and what must hold for each. */
import { ExitCode } from '../../src/errors.ts'
import { runCommand, type Ran } from '../cli/run-command.ts'
import { Broken } from './target.ts'

/** Text output and machine-readable output. @param file a path */
export const COMMANDS: readonly (readonly [name: string, ...flags: string[]])[] = [
  ['info'],
  ['info', '--format', 'json'],
  ['check'],
  ['report'],
  ['report', '--format', 'md'],
  ['report', '--format', 'json'],
  ['report', '--by', 'status', '--format', 'csv'],
  ['requests'],
  ['requests', '--format', 'ndjson'],
  ['replay', '--print', '--at', '50%'],
]

/** @throws Broken for a bug, and for a control byte in the output */
export async function runOn(file: string, [name, ...flags]: readonly [string, ...string[]]): Promise<Ran> {
  const ran = await runCommand([name, file, ...flags])
  if (ran.code === ExitCode.bug) throw bugOf(name, ran.stderr)
  for (const text of [ran.stdout, ran.stderr]) checkText(name, text)
  return ran
}

/** Control bytes; only line ends are allowed. */
const CONTROL_BYTE = /[\0-\t\v-\u001f\u007f-\u009f]/

export function checkText(name: string, text: string): void {
  const at = text.search(CONTROL_BYTE)
  if (at >= 0)
    throw new Broken(
      `${name} writes a control byte: ${JSON.stringify(text.slice(Math.max(0, at - 20), at + 20))}`,
    )
}

/** Keeps the stack of the bug, so that equal bugs get equal signatures. */
function bugOf(name: string, said: string): Error {
  const [, message = '', stack = ''] = /this is a bug: ([^\n]*)\n([^]*)/.exec(said) ?? []
  const error = new Broken(`${name}: ${message}`)
  error.stack = `${error.message}\n${stack}`
  return error
}
