/** A hostile neighbour: processes named nginx, and a file system that does not answer. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sh } from './system.ts'

export interface Neighbour {
  readonly pid: number
  stop(): Promise<void>
}

/** Builds a program of this folder statically, so that it can be copied to any name and into any root. */
export async function buildStatic(
  source: 'neighbour.c' | 'attacker.c' | 'silent.c',
  program: string,
): Promise<void> {
  const path = fileURLToPath(new URL(source, import.meta.url))
  await sh('gcc', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-static', path, '-o', program)
}

export interface NeighbourOptions {
  /** its file name is its process name */
  readonly program: string
  readonly args?: readonly string[]
  /** what it does; the words of neighbour.c */
  readonly words?: string
  /** a uid other than root */
  readonly user?: number
}

export async function startNeighbour(namespace: string, options: NeighbourOptions): Promise<Neighbour> {
  const { program, args = [], words = '', user } = options
  const as = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  return start('ip', ['netns', 'exec', namespace, ...as, program, ...args], { NEIGHBOUR: words })
}

/** Mounts the file system; `stop` unmounts it, which ends all pending calls. */
export const mountSilent = (program: string, folder: string, silent: 'lookup' | 'read'): Promise<Neighbour> =>
  start(program, [folder, silent], {})

async function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Neighbour> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, ...env },
  })
  child.stdin.on('error', () => undefined)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = once(child, 'exit')
  const ready = once(createInterface({ input: child.stdout }), 'line')
  await Promise.race([ready, exited])
  if (child.exitCode !== null || child.pid === undefined) throw new Error(`${program}: ${stderr}`)
  return { pid: child.pid, stop: () => stop(child, exited) }
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.stdin?.end()
  await exited
}
