/** Runs a program where tracing programs are refused, like under a container's seccomp filter or a kernel without them. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ROOT, sh } from './system.ts'

/**
 * The command prefix that starts a program in the sandbox. `load` refuses loading tracing programs, `attach` only attaching
 * them, `connect` attaching programs to connect() of control groups.
 */
export async function sandboxRefusing(
  what: 'load' | 'attach' | 'connect',
): Promise<readonly [string, string]> {
  const program = `${ROOT}build/lab/refuse`
  mkdirSync(`${ROOT}build/lab`, { recursive: true })
  const source = fileURLToPath(new URL('refuse.c', import.meta.url))
  await sh('gcc', '-O2', '-Wall', '-Wextra', '-Werror', source, '-o', program)
  return [program, what]
}
