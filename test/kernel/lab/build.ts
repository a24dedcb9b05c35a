/** What tests compile: programs of the lab, and helpers with limits that a test can reach. */
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, sh } from './system.ts'

/** Builds the helper with these -D into the folder, and returns its path. */
export async function buildHelper(folder: string, defines: string): Promise<string> {
  const program = join(folder, 'upstreamtop-probe')
  await sh('make', '-s', '-C', ROOT, `HELPER_BUILD=${folder}`, `HELPER_DEFINES=${defines}`, program)
  return program
}

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
