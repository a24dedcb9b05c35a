/** The program that keyboard.test.ts types to, through a pipe: it writes what it has read, and the keys. */
import { writeSync } from 'node:fs'
import { listenToKeys } from '../../../src/replay/terminal/keyboard.ts'
import type { Terminal } from '../../../src/replay/terminal/screen.ts'

const input = Object.assign(process.stdin, { setRawMode: () => undefined })
const say = (what: unknown): void => void writeSync(1, `${JSON.stringify(what)}\n`)

input.on('data', (chunk: Buffer) => say({ read: chunk.toString() }))
listenToKeys(
  { input } as unknown as Terminal,
  (presses) => say({ presses }),
  () => undefined,
)
// As the player does. With it the wait for input ends at once, and timers come first.
process.on('SIGCONT', () => undefined)
say('listening')
