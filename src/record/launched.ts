/**
 * Started by `upstreamtop-probe --launch` (bpf/helper/launch.c), as a unit does it: this process has no capability, and a child that
 * has them waits for the helper's arguments. Its sockets are the descriptors of `INHERITED_FD`.
 */
import { write, writeSync } from 'node:fs'
import { INHERITED_FD } from './caller.ts'

const ASK_FD = INHERITED_FD + 4

/** Its value is a process id: programs that this one starts inherit the variable, too. */
export const isLaunched = (env: NodeJS.ProcessEnv): boolean =>
  env.UPSTREAMTOP_LAUNCHED === String(process.pid)

type Lines = AsyncIterable<string>

/** The launcher starts the helper with these arguments. @returns what its lines are to be read through */
export function askLauncher(words: readonly string[]): (lines: Lines) => Lines {
  writeSync(ASK_FD, [String(words.length), ...words].map((word) => `${word}\0`).join(''))
  return watched
}

/** The same lines. After each second of them that was worked on, systemd's watchdog hears of it. */
async function* watched(lines: Lines): Lines {
  let told = 0
  for await (const line of lines) {
    yield line
    const now = performance.now()
    if (now - told < 1000) continue
    told = now
    // The launcher's child may have ended: then the helper has, too.
    write(ASK_FD, '.', () => undefined)
  }
}
