/** What tests compile: programs of the lab, and helpers with limits that a test can reach. */
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BY_GROUP, ROOT, sh } from './system.ts'

/** BPF objects, as bpf.mk calls them. Each takes the compiler ten seconds. */
type Programs = 'upstreamtop' | 'upstreamtop-cgroup' | 'upstreamtop-tls'

const ATTACHED: readonly Programs[] = BY_GROUP ? ['upstreamtop', 'upstreamtop-cgroup'] : ['upstreamtop']

/**
 * Builds the helper with these -D, and returns the path of its copy in the folder. It is built again when a source has changed.
 * @param own the programs for which the -D are meant; the others are those of build/
 */
export async function buildHelper(
  folder: string,
  defines: string,
  own: readonly Programs[] = ATTACHED,
): Promise<string> {
  const built = join(ROOT, 'build/lab', defines.replace(/\W+/g, '-').slice(1))
  mkdirSync(built, { recursive: true })
  // vmlinux.h first: make compares times
  for (const file of [
    'vmlinux.h',
    ...PROGRAMS.filter((name) => !own.includes(name)).map((name) => `${name}.bpf.o`),
  ])
    bringUpToDate(join(ROOT, 'build', file), join(built, file))
  await sh(
    ...['make', '-s', '-C', ROOT],
    ...[`HELPER_BUILD=${built}`, `HELPER_DEFINES=${defines}`, join(built, HELPER)],
  )
  mkdirSync(folder, { recursive: true })
  for (const file of [HELPER, 'upstreamtop.bpf.o', 'upstreamtop.skel.h'])
    copyFileSync(join(built, file), join(folder, file))
  return join(folder, HELPER)
}

/** -D that add a variable are meant for all: their variables must lie at the same places. */
export const PROGRAMS: readonly Programs[] = ['upstreamtop', 'upstreamtop-cgroup', 'upstreamtop-tls']

function bringUpToDate(from: string, to: string): void {
  const [source, copy] = [from, to].map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs)
  if (source !== undefined && (copy === undefined || copy < source)) copyFileSync(from, to)
}

const HELPER = 'upstreamtop-probe'

/** Compiles a file of build/lab, and returns its path. Its name comes last: another test file may run it, or build it, at this moment. */
export async function compile(name: string, compiler: string, ...args: readonly string[]): Promise<string> {
  const folder = `${ROOT}build/lab`
  mkdirSync(folder, { recursive: true })
  const file = join(folder, name)
  const fresh = `${file}.${process.pid}`
  await sh(compiler, ...args, '-o', fresh)
  renameSync(fresh, file)
  return file
}
