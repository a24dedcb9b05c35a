/**
 * The names of unfinished files. They lie beside what they become, so that a rename is enough, and begin with a dot: shells, servers,
 * Spark, Trino, Hive and Athena skip such a file.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { digest } from './digest.ts'

export const temporaryOf = (path: string): string =>
  join(dirname(path), `${beginOf(path)}${maker()}-${process.pid}.tmp`)

/** With room for the rest in the 255 bytes of a name. */
function beginOf(path: string): string {
  const name = basename(path)
  return `.${Buffer.byteLength(name) <= 220 ? name : digest(name)}.`
}

/** Removes what writers of this file that were killed have left; as `removeStale`. */
export async function removeStaleOf(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  const begin = beginOf(path)
  await removeStale(names.filter((name) => name.startsWith(begin)).map((name) => join(dirname(path), name)))
}

/**
 * Removes those that belong to no living process. To be called before this process makes its own: a pid of a container is often
 * the same each time, so a file of this pid is an old one.
 */
export async function removeStale(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    // What cannot be removed (somebody else's) is no reason to fail: no reader sees it.
    if (await isStale(path)) await rm(path, { force: true }).catch(() => undefined)
  }
}

/** Whether a file, or a folder, belongs to no living process. */
export async function isStale(path: string): Promise<boolean> {
  // 0.1.0 wrote no maker.
  const [, by, pid] = /\.(?:([0-9a-f]{8})-)?(\d+)\.tmp$/.exec(path) ?? []
  if (pid === undefined) return false
  const isOurs = by === undefined || by === maker()
  if (isOurs && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true
  const file = await stat(path).catch(() => null)
  return file !== null && Date.now() - file.mtimeMs > FORGOTTEN
}

/** ms. Another machine's or container's processes cannot be asked, a pid may be somebody else's by now, and a table of few rows is
 * not written to before its end. */
const FORGOTTEN = 24 * 3600 * 1000

/** What a pid is unique in: a boot and a pid namespace. Containers of a pod may share the host's name. */
const maker = (): string =>
  digest(
    [
      hostname(),
      orNothing(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
      orNothing(() => readlinkSync('/proc/self/ns/pid')),
    ].join(' '),
  )

/** Systems without /proc */
function orNothing(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
