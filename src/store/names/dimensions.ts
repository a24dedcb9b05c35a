/** Backends, routes and wire addresses by number. The numbers belong to the file: a recorder that appends to it uses the same numbers. */
import { addressKey, nameOf, routeKey } from '../../frame/model/aggregate.ts'
import type { Backend, Route, Wire } from '../../frame/model/frame.ts'
import { foldText, SEED } from '../format/checksum.ts'
import { foundColumns } from '../format/columns.ts'
import { FIRST_WITH_WIRES } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import { inOrder } from '../sqlite/bounded.ts'
import {
  emptyIfDamaged,
  integer,
  query,
  text,
  type Database,
  type Query,
  type SqlRow,
  type SqlValue,
} from '../sqlite/database.ts'
import { KnownNames, type Named } from './known-names.ts'
import { labelQuery, NamespaceWriter } from './namespace-labels.ts'

/** For the writer: from names to numbers. A new name is inserted within the transaction of the tick. */
export class DimensionWriter {
  readonly #backends: KnownNames<Backend>
  readonly #routes: KnownNames<Route>
  readonly #wires: KnownNames<Wire>
  readonly #namespaces: NamespaceWriter

  /** @param tick the number of the next tick */
  constructor(database: Database, tick: number) {
    this.#namespaces = new NamespaceWriter(database)
    const onBothTables = (
      sql: (table: string) => string,
      table: string,
    ): ((...cells: SqlValue[]) => void) => {
      const statements = [table, `${table}_copy`].map((name) => database.prepare<SqlValue[]>(sql(name)))
      return (...cells) => {
        for (const statement of statements) statement.run(...cells)
      }
    }
    const insertBackend = onBothTables(
      (table) => `INSERT INTO ${table} (id, address, netns, name, names) VALUES (?, ?, ?, ?, ?)`,
      'backend',
    )
    const insertRoute = onBothTables(
      (table) => `INSERT INTO ${table} (id, method, path) VALUES (?, ?, ?)`,
      'route',
    )
    this.#backends = new KnownNames(
      rowsOf(database, `${selectBackends(database)} ORDER BY id`).map(backendOf),
      tick,
      {
        keyOf: storedKey,
        checkedOf: addressKey,
        insert: (id, backend) => {
          const { address, netns, names } = backend
          insertBackend(id, address, netns, nameOf(backend), names && JSON.stringify(names))
        },
        remove: onBothTables((table) => `DELETE FROM ${table} WHERE id = ?`, 'backend'),
      },
    )
    this.#routes = new KnownNames(
      rowsOf(database, 'SELECT id, method, path FROM route ORDER BY id').map(routeOf),
      tick,
      {
        keyOf: routeKey,
        checkedOf: routeKey,
        insert: (id, { method, path }) => insertRoute(id, method, path),
        remove: onBothTables((table) => `DELETE FROM ${table} WHERE id = ?`, 'route'),
      },
    )
    const insertWire = onBothTables((table) => `INSERT INTO ${table} (id, address) VALUES (?, ?)`, 'wire')
    this.#wires = new KnownNames(
      rowsOf(database, 'SELECT id, address FROM wire ORDER BY id').map(wireOf),
      tick,
      {
        keyOf: addressOf,
        checkedOf: addressOf,
        insert: (id, { address }) => insertWire(id, address),
        remove: onBothTables((table) => `DELETE FROM ${table} WHERE id = ?`, 'wire'),
      },
    )
  }

  backend = (backend: Backend): Named => {
    if (backend.namespace !== undefined) this.#namespaces.learn(backend)
    return this.#backends.named(backend)
  }
  route = (route: Route): Named => this.#routes.named(route)
  wire = (wire: Wire): Named => this.#wires.named(wire)

  /** Call within the transaction of a tick. @param oldest the first tick that the file still has; null: no tick is ever evicted */
  removeUnused(oldest: number | null): void {
    this.#backends.removeUnused(oldest)
    this.#routes.removeUnused(oldest)
    this.#wires.removeUnused(oldest)
    this.#namespaces.removeUnused()
  }

  /** Removes the names that the rolled back transaction inserted. */
  rollback(): void {
    this.#backends.rollback()
    this.#routes.rollback()
    this.#wires.rollback()
    this.#namespaces.rollback()
  }

  commit(): void {
    this.#backends.commit()
    this.#routes.commit()
    this.#wires.commit()
    this.#namespaces.commit()
  }
}

/** @throws CorruptRow if the pages repeat rows */
const rowsOf = (database: Database, sql: string): SqlRow[] => [...inOrder(query(database, sql).iterate())]

/** A backend, route or wire address, and its hash for checksums. */
export interface Known<T> {
  readonly value: T
  readonly hash: number
}

/** For the reader: from numbers to names. Each name is read once; later calls return the same object. */
export class DimensionReader {
  readonly #backends = new Map<number, Known<Backend>>()
  readonly #routes = new Map<number, Known<Route>>()
  readonly #wires = new Map<number, Known<Wire>>()
  /** a name that the writer removed and added again has several numbers, but is one backend or route */
  readonly #byKey = {
    backend: new Map<string, Known<Backend>>(),
    route: new Map<string, Known<Route>>(),
    wire: new Map<string, Known<Wire>>(),
  }
  /** the file, then the rows that were recovered from its pages */
  #layers: readonly Layer[] = []

  constructor(database: Database) {
    this.attach(database)
  }

  /** Reads the same file through another connection from now on. */
  attach(database: Database): void {
    this.#layers = [layerOf(database), ...this.#layers.slice(1)]
  }

  /** Adds a database with names that the file no longer has. */
  addLayer(database: Database): void {
    this.#layers = [...this.#layers, layerOf(database)]
  }

  backend = (id: number): Known<Backend> => {
    let known = this.#backends.get(id)
    if (known === undefined) {
      const backend = this.#labelled(backendOf(this.#row(id, (layer) => layer.backend)))
      known = knownBy(this.#byKey.backend, backend, storedKey, addressKey)
      this.#backends.set(id, known)
    }
    return known
  }

  #labelled(backend: Backend): Backend {
    const [label] = this.#row(backend.netns, (layer) => layer.namespace)
    return typeof label === 'string' ? { ...backend, namespace: label } : backend
  }

  route = (id: number): Known<Route> => {
    let known = this.#routes.get(id)
    if (known === undefined) {
      known = knownBy(this.#byKey.route, routeOf(this.#row(id, ({ route }) => route)), routeKey)
      this.#routes.set(id, known)
    }
    return known
  }

  wire = (id: number): Known<Wire> => {
    let known = this.#wires.get(id)
    if (known === undefined) {
      known = knownBy(this.#byKey.wire, wireOf(this.#row(id, ({ wire }) => wire)), addressOf)
      this.#wires.set(id, known)
    }
    return known
  }

  #row(id: number, queryOf: (layer: Layer) => Query | null): SqlRow {
    for (const layer of this.#layers) {
      const row = emptyIfDamaged(() => queryOf(layer)?.all(id) ?? [])[0]
      if (row !== undefined) return row
    }
    return []
  }
}

function knownBy<T>(
  byKey: Map<string, Known<T>>,
  value: T,
  keyOf: (value: T) => string,
  checkedOf: (value: T) => string = keyOf,
): Known<T> {
  const key = keyOf(value)
  let known = byKey.get(key)
  if (known === undefined) byKey.set(key, (known = { value, hash: foldText(SEED, checkedOf(value)) }))
  return known
}

/** A backend is a row per list of names. Unknown names are another list than none. */
const storedKey = (backend: Backend): string =>
  backend.names === null ? addressKey(backend) : `${addressKey(backend)} ${JSON.stringify(backend.names)}`

interface Layer {
  readonly backend: Query
  /** null: files of earlier versions have no names of namespaces */
  readonly namespace: Query | null
  readonly route: Query
  /** null: files of format 1 have no wire addresses */
  readonly wire: Query | null
}

const layerOf = (database: Database): Layer => ({
  backend: query(database, `${selectBackends(database)} WHERE id = ?`),
  namespace: labelQuery(database),
  route: query(database, SELECT_ROUTE),
  wire: formatOf(database) < FIRST_WITH_WIRES ? null : query(database, SELECT_WIRE),
})

/** Files of earlier versions have no column for the list. */
function selectBackends(database: Database): string {
  const hasNames = foundColumns(database, 'backend').some(({ name }) => name === 'names')
  return `SELECT id, address, netns, name, ${hasNames ? 'names' : 'NULL'} FROM backend`
}

const SELECT_ROUTE = 'SELECT id, method, path FROM route WHERE id = ?'
const SELECT_WIRE = 'SELECT id, address FROM wire WHERE id = ?'

const backendOf = (row: SqlRow): Backend => ({
  id: integer(row[0]),
  address: text(row[1]),
  netns: integer(row[2]),
  names: namesOf(row[4]) ?? (typeof row[3] === 'string' ? [row[3]] : null),
})

/** null: unknown, or no list */
function namesOf(cell: SqlValue | undefined): readonly string[] | null {
  if (typeof cell !== 'string') return null
  try {
    const list: unknown = JSON.parse(cell)
    return Array.isArray(list) && list.every((name) => typeof name === 'string') ? list : null
  } catch {
    return null
  }
}

const routeOf = (row: SqlRow): Route => ({ id: integer(row[0]), method: text(row[1]), path: text(row[2]) })

const wireOf = (row: SqlRow): Wire => ({ id: integer(row[0]), address: text(row[1]) })
const addressOf = ({ address }: Wire): string => address
