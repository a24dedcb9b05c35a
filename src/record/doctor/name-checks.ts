/** What nginx's configuration calls its backends, and what has no name, as doctor's lines. */
import type { UpstreamCheck } from './upstream-checks.ts'

/** An upstream block. */
export interface Block {
  readonly name: string
  readonly servers: number
  /** the first of them, with the parameters that tell how they are used: `10.0.0.1:80 weight=2 backup` */
  readonly examples: readonly string[]
}

/** An older helper has none of these. */
export interface NameFacts {
  readonly blocks?: readonly Block[]
  /** blocks that found no room in the list */
  readonly blocks_left_out?: number
  /** servers that are hosts which the hosts file does not have, the first of them */
  readonly hosts?: readonly string[]
  readonly host_count?: number
  /** the first target that is only known at run time; empty without one */
  readonly runtime?: string
  readonly runtime_count?: number
  /** names that found no room */
  readonly names_left_out?: number
}

const MAX_LINES = 16
const REMEDY = "'--name IP:PORT=LABEL' gives an address a name"

export function nameChecks(facts: NameFacts): readonly UpstreamCheck[] {
  const { blocks = [], blocks_left_out: beyond = 0 } = facts
  // A line that sums up one block would be no shorter than its own.
  const own = blocks.length + beyond <= MAX_LINES + 1 ? blocks.length : MAX_LINES
  const rest = blocks.length - own + beyond
  return [
    ...blocks.slice(0, own).map(blockLine),
    ...(rest > 0 ? [ok(`${rest} more upstream blocks`)] : []),
    ...namelessChecks(facts),
  ]
}

const ok = (what: string): UpstreamCheck => ({ state: 'ok', what, remedy: null })

const blockLine = ({ name, servers, examples }: Block): UpstreamCheck =>
  ok(`upstream "${name}": ${servers === 0 ? 'no server in the text' : few(examples, servers)}`)

function few(names: readonly string[], count: number): string {
  const rest = count - names.length
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function namelessChecks(facts: NameFacts): readonly UpstreamCheck[] {
  const { runtime = '', runtime_count: targets = 0, names_left_out: lost = 0 } = facts
  const checks: UpstreamCheck[] = []
  if (targets > 0)
    checks.push({
      state: 'warning',
      what: `no name, because they are only known at run time: ${few([runtime], targets)}`,
      remedy: REMEDY,
    })
  if (lost > 0) checks.push({ state: 'warning', what: `${lost} names found no room`, remedy: REMEDY })
  return [...checks, ...hostChecks(facts, targets === 0 && lost === 0)]
}

/** By elimination, if everything else is known. */
function hostChecks(
  { hosts = [], host_count: count = 0 }: NameFacts,
  isElseKnown: boolean,
): readonly UpstreamCheck[] {
  if (count === 0) return []
  const what = `not in /etc/hosts: ${few(hosts, count)}`
  return isElseKnown
    ? [ok(`${what}; told by the port, where no other host has it`)]
    : [{ state: 'warning', what: `${what}; without a name`, remedy: REMEDY }]
}
