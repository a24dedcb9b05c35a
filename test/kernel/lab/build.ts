/** What tests compile: programs of the lab, and helpers with limits that a test can reach. */
import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, sh } from './system.ts'

/** Builds the helper with these -D, and returns the path of its copy in the folder. It is built again when a source has changed. */
export async function buildHelper(folder: string, defines: string): Promise<string> {
  const built = join(ROOT, 'build/lab', defines.replace(/\W+/g, '-').slice(1))
  await sh(
    ...['make', '-s', '-C', ROOT],
    ...[`HELPER_BUILD=${built}`, `HELPER_DEFINES=${defines}`, join(built, HELPER)],
  )
  mkdirSync(folder, { recursive: true })
  for (const file of [HELPER, 'upstreamtop.bpf.o', 'upstreamtop.skel.h'])
    copyFileSync(join(built, file), join(folder, file))
  return join(folder, HELPER)
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
