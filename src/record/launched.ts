/**
 * Started by `upstreamtop-probe --launch` (bpf/helper/launch.c), as a unit does it: this process has no capability, and a child that
 * has them waits for the helper's arguments. Its pipes are the descriptors of `INHERITED_FD`.
 */
import { closeSync, writeSync } from 'node:fs'
import { INHERITED_FD } from './caller.ts'

const ASK_FD = INHERITED_FD + 4

export const isLaunched = (env: NodeJS.ProcessEnv): boolean => env.UPSTREAMTOP_LAUNCHED !== undefined

/** The launcher starts the helper with them. */
export function askLauncher(words: readonly string[]): void {
  writeSync(ASK_FD, words.map((word) => `${word}\0`).join(''))
  closeSync(ASK_FD)
}
