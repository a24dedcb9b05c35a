/** Whether there is a terminal that can show a screen, and what it can show. */
import { closeSync, constants, openSync } from 'node:fs'
import { ReadStream, WriteStream } from 'node:tty'
import type { Size } from '../../render/board.ts'
import type { Depth } from '../../render/theme.ts'
import type { Terminal } from '../../replay/terminal/screen.ts'
import { TerminalOutput } from '../../replay/terminal/terminal-output.ts'
import type { Io } from '../io.ts'

/** null: print text instead. A dumb terminal cannot move its cursor, so it gets text too. */
export function terminalOf(io: Io, plain = false): Terminal | null {
  const { TERM = 'dumb' } = io.env
  if (!io.stdout.isTTY || TERM === 'dumb' || TERM === '') return null
  const keyboard = keyboardOf(io)
  if (keyboard === null) return null
  const { output, release } = outputOf(io)
  return {
    input: keyboard.input,
    output,
    depth: depthOf(io.env, plain),
    isAscii: io.stdout.isAscii,
    release: () => {
      keyboard.release?.()
      release?.()
    },
  }
}

/** Default size of a printed picture. */
export const PRINTED: Size = { columns: 120, rows: 40 }

/** Size of printed pictures: that of the terminal, if there is one. */
export const sizeOf = ({ stdout: { isTTY, columns, rows } }: Io): Size =>
  isTTY && columns !== undefined && rows !== undefined
    ? { columns: Math.max(40, columns), rows: Math.max(8, rows) }
    : PRINTED

/** NO_COLOR (no-color.org) asks for no colour; bold and reverse stay. 256 colours only where the terminal says that it has them. */
export function depthOf(env: Io['env'], plain: boolean): Depth {
  if (plain) return 'none'
  const { NO_COLOR = '', TERM = '', COLORTERM = '' } = env
  if (NO_COLOR !== '' || /^(vt\d|.*-m(ono)?$)/.test(TERM)) return 'mono'
  // Programs in a terminal that has fewer, as under screen, inherit COLORTERM from the one around it.
  if (/-(8|16|88)color|^linux/.test(TERM)) return 'colour'
  return /-256color|-direct/.test(TERM) || /^(truecolor|24bit)$/.test(COLORTERM) ? 'palette' : 'colour'
}

/**
 * Opens the terminal again, because O_NONBLOCK must affect only our own writes. Under sudo the terminal may belong to another user, who
 * alone may open it by its name; /dev/tty can be opened by everybody.
 */
function outputOf({ stdout: { stream: stdout } }: Io): Pick<Terminal, 'output' | 'release'> {
  if (!(stdout instanceof WriteStream)) return { output: stdout }
  for (const path of ['/proc/self/fd/1', '/dev/tty']) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
      const output = new TerminalOutput(fd, stdout)
      const release = (): void => {
        output.end()
        closeSync(fd)
      }
      return { output, release }
    } catch {
      // Try the next name.
    }
  }
  return { output: new TerminalOutput(1, stdout) }
}

/** When the recording comes through standard input, keys come from the controlling terminal, as with less. */
function keyboardOf(io: Io): Pick<Terminal, 'input' | 'release'> | null {
  const { stdin } = io
  if (stdin.isTTY === true && 'setRawMode' in stdin && typeof stdin.setRawMode === 'function') {
    return { input: stdin as Terminal['input'] }
  }
  try {
    const input = new ReadStream(openSync('/dev/tty', 'r'))
    return { input, release: () => input.destroy() }
  } catch {
    return null
  }
}
