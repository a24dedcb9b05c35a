/** A sandbox that refuses tracing programs: what a container's seccomp filter or a kernel without them does to the helper. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ROOT, sh } from './system.ts'

/** The words that put a program, named behind them, into the sandbox. `load` refuses the program, `attach` only its attachment. */
export async function refusing(what: 'load' | 'attach'): Promise<readonly [string, string]> {
  const program = `${ROOT}build/lab/refuse`
  mkdirSync(`${ROOT}build/lab`, { recursive: true })
  const source = fileURLToPath(new URL('refuse.c', import.meta.url))
  await sh('gcc', '-O2', '-Wall', '-Wextra', '-Werror', source, '-o', program)
  return [program, what]
}
