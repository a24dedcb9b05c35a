/** Children of a recorder: they have none of its rights, and a Ctrl-C on its terminal does not reach them. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/** An absolute path: the user's PATH must not decide what sees these rights. */
const SETPRIV = '/usr/bin/setpriv'

/** What may be kept: root's files are written with root's rights, a unit's ambient capabilities are for the helper alone. */
export type Keeps = 'root' | 'nothing'

/** In a process group of its own, with a lower priority than the recorder. @returns why it did not start: no descriptors, no memory */
export function startChild(words: readonly string[], keeps: Keeps): ChildProcessWithoutNullStreams | Error {
  let child: ChildProcessWithoutNullStreams
  try {
    const [file, ...rest] = [...dropping(keeps), ...words]
    child = spawn(file!, rest, { stdio: 'pipe', detached: true, env: environment() })
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  // Without descriptors there are no pipes, and the error comes later.
  if ((child as Partial<typeof child>).stdin === undefined) {
    child.on('error', () => undefined)
    return new Error('EMFILE: too many open files')
  }
  child.stdin.on('error', () => undefined)
  lowerPriority(child.pid)
  return child
}

export function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended already.
  }
}

/** setpriv with what it takes away. Without CAP_SETPCAP only what root would be given at the next exec can be kept from it. */
function dropping(keeps: Keeps): readonly string[] {
  const { inherited, ambient, isRoot } = ownRights()
  if (isRoot && keeps === 'nothing') return [SETPRIV, '--bounding-set=-all', ...INHERITED, '--']
  return inherited || ambient ? [SETPRIV, ...INHERITED, '--'] : []
}

const INHERITED = ['--inh-caps=-all', '--ambient-caps=-all']

function ownRights(): { readonly inherited: boolean; readonly ambient: boolean; readonly isRoot: boolean } {
  const status = readFileSync('/proc/self/status', 'utf8')
  const has = (set: string): boolean => !new RegExp(`^${set}:\\t0+$`, 'm').test(status)
  return { inherited: has('CapInh'), ambient: has('CapAmb'), isRoot: process.geteuid?.() === 0 }
}

/** The pipes to the helper are the recorder's own (record/caller.ts). */
const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  UPSTREAMTOP_INHERITED_HELPER: undefined,
})

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW - 9)
  } catch {
    // It has ended already, or may not be touched: it runs as it is.
  }
}
