/**
 * Checks a line. It comes from a process that may be hostile, older or newer: shape, range and length are checked here, once, and callers
 * rely on it. Absent fields are 0 or unknown, unknown fields are ignored, and rows may have more columns. Rows are checked one by one
 * (wire-rows.ts), so that only a bad row is lost.
 */
import type { Unseen } from '../frame/model/recording.ts'
import { tlsReadingOf } from '../frame/model/tls.ts'
import { compareBytes } from '../frame/views/ranking.ts'
import { jsonOf } from './line-json.ts'
import {
  isCount,
  isNanos,
  isObject,
  isWall,
  listOf,
  MAX_NAME,
  nameOf,
  shortened,
  type JsonObject,
} from './wire-values.ts'
import {
  WIRE_VERSION,
  type WireEntryLine,
  type BackendLine,
  type ByeLine,
  type HelloLine,
  type NamespaceLine,
  type RemarkLine,
  type RetiredBackendLine,
  type RetiredWireLine,
  type RetiredLine,
  type RouteLine,
  type SnapshotLine,
} from './wire.ts'

type Groups = 'loss' | 'excluded' | 'control'

/** A snapshot whose rows are not checked yet, and whose counters may be absent. */
export type SnapshotShape = Omit<SnapshotLine, 'traffic' | 'connections' | 'requests' | 'wires' | Groups> & {
  readonly traffic: readonly unknown[]
  readonly connections: readonly unknown[]
  readonly requests: readonly unknown[]
  /** null: absent */
  readonly wires: readonly unknown[] | null
} & { readonly [Group in Groups]: Partial<SnapshotLine[Group]> }

export type LineShape =
  | HelloLine
  | BackendLine
  | NamespaceLine
  | RouteLine
  | WireEntryLine
  | SnapshotShape
  | RetiredLine
  | RetiredBackendLine
  | RetiredWireLine
  | RemarkLine
  | ByeLine

/** null: no line of the wire */
export function lineOf(line: string): LineShape | null {
  const value = jsonOf(line)
  if (!isObject(value)) return null
  switch (value.type) {
    case 'hello':
      return helloOf(value)
    case 'backend':
      return backendOf(value)
    case 'namespace':
      return namespaceOf(value)
    case 'route':
      return routeOf(value)
    case 'wire':
      return wireEntryOf(value)
    case 'snapshot':
      return snapshotOf(value)
    case 'retired':
      return isCount(value.id) ? { type: 'retired', id: value.id } : null
    case 'retired_backend':
    case 'retired_wire':
      return isCount(value.id) ? { type: value.type, id: value.id } : null
    case 'remark':
      return remarkOf(value)
    case 'bye':
      return { type: 'bye', reason: shortened(value.reason, MAX_NAME) ?? '' }
    default:
      return null
  }
}

function remarkOf({ text: said }: JsonObject): RemarkLine | null {
  const text = shortened(said, MAX_NAME)
  return text === null || text === '' ? null : { type: 'remark', text }
}

const MAX_WORD = 256
const MAX_INTERFACES = 4096
const MAX_LISTENERS = 65_536
const MAX_WARNINGS = 100

/** Of a hello with another version, only the version is read. */
function helloOf(hello: JsonObject): HelloLine | null {
  const { wire } = hello
  if (typeof wire !== 'number') return null
  const known = wire === WIRE_VERSION ? hello : {}
  const word = (name: string): string | null => shortened(known[name], MAX_WORD)
  const [version, bootId, host, kernel] = [word('version'), word('boot_id'), word('host'), word('kernel')]
  const interfaces = listOf(known.interfaces, MAX_INTERFACES, interfaceOf)
  const listenPorts = listOf(known.front_doors, MAX_LISTENERS, (port) =>
    isCount(port) && port < 65_536 ? port : null,
  )
  const warnings = listOf(known.warnings, MAX_WARNINGS, (text) => shortened(text, MAX_NAME))
  const unseen = listOf(known.unseen, MAX_WARNINGS, unseenOf)
  const tls =
    known.tls === undefined ? undefined : tlsReadingOf(known.tls, (text) => shortened(text, MAX_NAME))
  const { wall_us: wall = 0, mono_ns: mono = '0' } = known
  if (version === null || bootId === null || host === null || kernel === null) return null
  if (interfaces === null || listenPorts === null || warnings === null || unseen === null || tls === null)
    return null
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
    front_doors: listenPorts,
    nginx: nginxOf(known.nginx),
    warnings,
    unseen,
    ...(tls === undefined ? {} : { tls }),
  }
}

/** An unknown value, of a newer helper, at least means that there is an nginx. */
function nginxOf(value: unknown): HelloLine['nginx'] {
  if (value === 'none' || value === undefined) return 'none'
  return value === 'known' ? 'known' : 'unreadable'
}

function interfaceOf(value: unknown): HelloLine['interfaces'][number] | null {
  if (!isObject(value)) return null
  const { index = 0 } = value
  const name = shortened(value.name, MAX_WORD)
  return isCount(index) && name !== null ? { index, name } : null
}

function unseenOf(value: unknown): Unseen | null {
  if (!isObject(value)) return null
  const [what, remedy] = [shortened(value.what, MAX_NAME), shortened(value.remedy, MAX_NAME)]
  return what === null || remedy === null ? null : { what, remedy }
}

/** Upstream blocks that have one address: more than any configuration that people write. */
const MAX_NAMES = 1000

function backendOf({ id, address: text, netns = 0, names: list }: JsonObject): BackendLine | null {
  const address = nameOf(text)
  const names = listOf(list, MAX_NAMES, nameOf)
  if (!isCount(id) || !isCount(netns) || address === null || address === '' || names === null) return null
  return { type: 'backend', id, address, netns, ...(list === undefined ? {} : { names: sortedNames(names) }) }
}

/** Each name once. */
const sortedNames = (names: readonly string[]): readonly string[] =>
  [...new Set(names)].filter((name) => name !== '').sort(compareBytes)

/** A namespace has one name, seldom two. */
const MAX_NAMESPACE_NAMES = 64

function namespaceOf({ id, names: list, cgroup: path, host = false }: JsonObject): NamespaceLine | null {
  const names = listOf(list, MAX_NAMESPACE_NAMES, nameOf)
  const cgroup = path === undefined ? '' : nameOf(path)
  if (!isCount(id) || names === null || cgroup === null || typeof host !== 'boolean') return null
  return { type: 'namespace', id, names, cgroup, host }
}

/** A method must not contain a space: in keys, the first space ends it. */
function routeOf({ id, backend, method: verb, path: text }: JsonObject): RouteLine | null {
  const [method, path] = [nameOf(verb), nameOf(text)]
  if (!isCount(id) || !isCount(backend) || method === null || path === null) return null
  return method === '' || method.includes(' ') ? null : { type: 'route', id, backend, method, path }
}

function wireEntryOf({ id, backend, address: text }: JsonObject): WireEntryLine | null {
  const address = nameOf(text)
  if (!isCount(id) || !isCount(backend) || address === null || address === '') return null
  return { type: 'wire', id, backend, address }
}

/** One row per slot, and up to twice as many while slots are retired. Row numbers within a tick of a recording have 19 bits. */
const MAX_ROWS = 2 ** 17
const MAX_REQUESTS = 2 ** 20

function snapshotOf(line: JsonObject): SnapshotShape | null {
  const { wall_us: wall, mono_ns: mono, boot_ns: boot = mono, cpu_us: cpu = 0, rss_bytes: rss = 0 } = line
  const { traffic = [], connections = [], requests = [], final = false } = line
  const { wires, loss = {}, excluded = {}, control = {} } = line
  if (!isWall(wall) || !isNanos(mono) || !isNanos(boot) || !isCount(cpu) || !isCount(rss)) return null
  if (!isList(traffic, MAX_ROWS) || !isList(connections, MAX_ROWS)) return null
  if (!isList(requests, MAX_REQUESTS) || typeof final !== 'boolean') return null
  if (wires !== undefined && !isList(wires, MAX_ROWS)) return null
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
    wires: wires ?? null,
    loss,
    excluded,
    control,
  }
}

const isList = (value: unknown, max: number): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= max

/** A newer helper may have further counters. */
const isGroup = (value: unknown): value is Readonly<Record<string, number>> =>
  isObject(value) && Object.values(value).every(isCount)
