/**
 * What a line may be. It comes from a process that may be hostile, older or newer: shape, range and length are checked here, once, and
 * nothing above this file asks again. Names that are absent are 0 or unknown, those that are not known are left alone; columns may be added
 * at a row's end. Rows are looked at one by one (wire-rows.ts), so that a bad one costs itself alone.
 */
import {
  isCount,
  isNanos,
  isObject,
  isWall,
  listOf,
  LONGEST_NAME,
  nameOf,
  shortened,
  type JsonObject,
} from './wire-values.ts'
import {
  WIRE_VERSION,
  type BackendLine,
  type ByeLine,
  type HelloLine,
  type RetiredLine,
  type RouteLine,
  type SnapshotLine,
  type Unseen,
} from './wire.ts'

type Groups = 'loss' | 'excluded' | 'control'

/** A snapshot whose rows are still to be looked at, and whose counters may be absent. */
export type SnapshotShape = Omit<SnapshotLine, 'traffic' | 'connections' | 'requests' | Groups> & {
  readonly traffic: readonly unknown[]
  readonly connections: readonly unknown[]
  readonly requests: readonly unknown[]
} & { readonly [Group in Groups]: Partial<SnapshotLine[Group]> }

export type LineShape = HelloLine | BackendLine | RouteLine | SnapshotShape | RetiredLine | ByeLine

/** null: no line of the wire */
export function lineOf(line: string): LineShape | null {
  const value = parsed(line)
  if (!isObject(value)) return null
  switch (value.type) {
    case 'hello':
      return helloOf(value)
    case 'backend':
      return backendOf(value)
    case 'route':
      return routeOf(value)
    case 'snapshot':
      return snapshotOf(value)
    case 'retired':
      return isCount(value.id) ? { type: 'retired', id: value.id } : null
    case 'bye':
      return { type: 'bye', reason: shortened(value.reason, LONGEST_NAME) ?? '' }
    default:
      return null
  }
}

function parsed(line: string): unknown {
  // Told at a glance: an exception a line would be the dearest part of a flood.
  if (line.length < SHORTEST || line.charCodeAt(0) !== BRACE) return undefined
  if (line.length > MOST_LISTS && !hasFewLists(line)) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const SHORTEST = '{"type":"bye"}'.length
const BRACE = 0x7b

/** A full snapshot has 70,000 rows of four lists each. */
const MOST_LISTS = 2 ** 20

/** Before it is parsed: 64 MB of brackets would become gigabytes of lists. Brackets in strings count too: there are few. */
function hasFewLists(line: string): boolean {
  let lists = 0
  for (const bracket of ['[', '{']) {
    for (let at = line.indexOf(bracket); at >= 0; at = line.indexOf(bracket, at + 1)) {
      if (++lists > MOST_LISTS) return false
    }
  }
  return true
}

const LONGEST_WORD = 256
const MOST_INTERFACES = 4096
const MOST_DOORS = 65_536
const MOST_WARNINGS = 100

/** Of another version nothing but its number is read. */
function helloOf(hello: JsonObject): HelloLine | null {
  const { wire } = hello
  if (typeof wire !== 'number') return null
  const known = wire === WIRE_VERSION ? hello : {}
  const word = (name: string): string | null => shortened(known[name], LONGEST_WORD)
  const [version, bootId, host, kernel] = [word('version'), word('boot_id'), word('host'), word('kernel')]
  const interfaces = listOf(known.interfaces, MOST_INTERFACES, interfaceOf)
  const doors = listOf(known.front_doors, MOST_DOORS, (port) =>
    isCount(port) && port < 65_536 ? port : null,
  )
  const warnings = listOf(known.warnings, MOST_WARNINGS, (text) => shortened(text, LONGEST_NAME))
  const unseen = listOf(known.unseen, MOST_WARNINGS, unseenOf)
  const { wall_us: wall = 0, mono_ns: mono = '0' } = known
  if (version === null || bootId === null || host === null || kernel === null) return null
  if (interfaces === null || doors === null || warnings === null || unseen === null) return null
  if (!isWall(wall) || !isNanos(mono)) return null
  return {
    type: 'hello',
    wire,
    version,
    wall_us: wall,
    mono_ns: mono,
    boot_id: bootId,
    host,
    kernel,
    interfaces,
    front_doors: doors,
    nginx: nginxOf(known.nginx),
    warnings,
    unseen,
  }
}

/** A word of a newer helper says at least that there is one. */
function nginxOf(value: unknown): HelloLine['nginx'] {
  if (value === 'none' || value === undefined) return 'none'
  return value === 'known' ? 'known' : 'unreadable'
}

function interfaceOf(value: unknown): HelloLine['interfaces'][number] | null {
  if (!isObject(value)) return null
  const { index = 0 } = value
  const name = shortened(value.name, LONGEST_WORD)
  return isCount(index) && name !== null ? { index, name } : null
}

function unseenOf(value: unknown): Unseen | null {
  if (!isObject(value)) return null
  const [what, remedy] = [shortened(value.what, LONGEST_NAME), shortened(value.remedy, LONGEST_NAME)]
  return what === null || remedy === null ? null : { what, remedy }
}

function backendOf({ id, address: text, netns = 0 }: JsonObject): BackendLine | null {
  const address = nameOf(text)
  if (!isCount(id) || !isCount(netns) || address === null || address === '') return null
  return { type: 'backend', id, address, netns }
}

/** A method holds no blank: the first one ends it in keys. */
function routeOf({ id, backend, method: verb, path: text }: JsonObject): RouteLine | null {
  const [method, path] = [nameOf(verb), nameOf(text)]
  if (!isCount(id) || !isCount(backend) || method === null || path === null) return null
  return method === '' || method.includes(' ') ? null : { type: 'route', id, backend, method, path }
}

/** A row a slot, and twice as many while some are retired; the recording's ids of a tick's rows have 19 bits. */
export const MOST_ROWS = 2 ** 17
const MOST_REQUESTS = 2 ** 20

function snapshotOf(line: JsonObject): SnapshotShape | null {
  const { wall_us: wall, mono_ns: mono, boot_ns: boot = mono, cpu_us: cpu = 0, rss_bytes: rss = 0 } = line
  const { traffic = [], connections = [], requests = [], final = false } = line
  const { loss = {}, excluded = {}, control = {} } = line
  if (!isWall(wall) || !isNanos(mono) || !isNanos(boot) || !isCount(cpu) || !isCount(rss)) return null
  if (!isList(traffic, MOST_ROWS) || !isList(connections, MOST_ROWS)) return null
  if (!isList(requests, MOST_REQUESTS) || typeof final !== 'boolean') return null
  if (!isGroup(loss) || !isGroup(excluded) || !isGroup(control)) return null
  return {
    type: 'snapshot',
    wall_us: wall,
    mono_ns: mono,
    boot_ns: boot,
    final,
    cpu_us: cpu,
    rss_bytes: rss,
    traffic,
    connections,
    requests,
    loss,
    excluded,
    control,
  }
}

const isList = (value: unknown, most: number): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= most

/** A newer helper may have more counters than we know. */
const isGroup = (value: unknown): value is Readonly<Record<string, number>> =>
  isObject(value) && Object.values(value).every(isCount)
