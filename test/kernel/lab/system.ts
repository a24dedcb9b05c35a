/** System commands, and the requirements of kernel tests. */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const PROBE = fileURLToPath(new URL('../../../build/upstreamtop-probe', import.meta.url))
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const environment = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
const run = promisify(execFile)

/** Returns stdout. The error of a failed command contains its stderr. */
export async function sh(...words: readonly string[]): Promise<string> {
  const [program = '', ...args] = words
  const { stdout } = await run(program, args, { env: environment, maxBuffer: 64 << 20 })
  return stdout
}

export const inside = (namespace: string, ...words: readonly string[]): Promise<string> =>
  sh('ip', 'netns', 'exec', namespace, ...words)

/** What this machine lacks for tests on real traffic, or false: the `skip` value of node:test. */
export function lacking(...programs: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root: network namespaces and tcx programs'
  const missing = ['ip', 'nginx', ...programs].filter((program) => !isInstalled(program))
  if (missing.length > 0) return `needs ${missing.join(', ')}: apt-get install nginx-light iproute2 clang wrk`
  const [major = 0, minor = 0] = execFileSync('uname', ['-r'], { encoding: 'utf8' }).split('.').map(Number)
  if (!BY_GROUP && (major < 6 || (major === 6 && minor < 6)))
    return `tcx needs Linux 6.6, this is ${major}.${minor}: LAB_ATTACH=cgroup`
  if (!existsSync(PROBE)) return `needs ${PROBE}: make build`
  return false
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { env: environment, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The helper attaches to the root control group, where by itself it would take the interfaces: every test can run both ways. */
export const BY_GROUP = process.env.LAB_ATTACH === 'cgroup'
/** The `skip` value for what exists at interfaces only. */
export const atInterfacesOnly = BY_GROUP ? 'by control group there is no such thing' : false

/** `make long` runs what takes minutes, and what another test has in a shorter form. */
export const LONG = process.env.LAB_LONG === '1'
export const unlessLong = LONG ? false : 'another test has it in short: make long runs it'
/** Of a test that builds programs with a bug in them, and sees that the tests beside it find each. */
export const mutantsUnlessLong = LONG ? false : 'it tests the tests beside it: make long runs it'
