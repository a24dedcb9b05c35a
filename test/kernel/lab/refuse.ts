/** Runs a program where tracing programs are refused, like under a container's seccomp filter or a kernel without them. */
import { fileURLToPath } from 'node:url'
import { compile } from './build.ts'

/**
 * The command prefix that starts a program in the sandbox. `load` refuses loading tracing programs, `attach` only attaching
 * them, `connect` attaching programs to connect() of control groups, `probe` setting probes in programs.
 */
export async function sandboxRefusing(
  what: 'load' | 'attach' | 'connect' | 'probe',
): Promise<readonly [string, string]> {
  const source = fileURLToPath(new URL('refuse.c', import.meta.url))
  return [await compile('refuse', 'gcc', '-O2', '-Wall', '-Wextra', '-Werror', source), what]
}
