/** Backends and routes by number. Numbers are the file's own: a recorder that continues it meets the same ones. */
import { backendKey, routeKey } from '../frame/aggregate.ts'
import type { Backend, Route } from '../frame/frame.ts'
import { foldText, SEED } from './checksum.ts'
import {
  allOr,
  integer,
  query,
  text,
  type Database,
  type Query,
  type SqlRow,
  type SqlValue,
} from './database.ts'

/** A row's place in the key order, and what its names add to the checksum. */
export interface Named {
  readonly id: number
  readonly hash: number
}

/** The writer's side: names to numbers, new ones inserted within the tick's transaction. */
export class DimensionWriter {
  readonly #backends: Interner<Backend>
  readonly #routes: Interner<Route>

  constructor(database: Database) {
    const both = (sql: (table: string) => string, table: string): ((...cells: SqlValue[]) => void) => {
      const statements = [table, `${table}_copy`].map((name) => database.prepare<SqlValue[]>(sql(name)))
      return (...cells) => {
        for (const statement of statements) statement.run(...cells)
      }
    }
    const insertBackend = both(
      (table) => `INSERT INTO ${table} (id, address, netns, name) VALUES (?, ?, ?, ?)`,
      'backend',
    )
    const renameBackend = both((table) => `UPDATE ${table} SET name = ? WHERE id = ?`, 'backend')
    const insertRoute = both((table) => `INSERT INTO ${table} (id, method, path) VALUES (?, ?, ?)`, 'route')
    this.#backends = new Interner(
      query(database, 'SELECT id, address, netns, name FROM backend').all().map(backendOf),
      backendKey,
      (id, { address, netns, name }) => insertBackend(id, address, netns, name),
      (id, before, { name }) => {
        if (name !== null && name !== before.name) renameBackend(name, id)
      },
    )
    this.#routes = new Interner(
      query(database, 'SELECT id, method, path FROM route').all().map(routeOf),
      routeKey,
      (id, { method, path }) => insertRoute(id, method, path),
      () => undefined,
    )
  }

  backend = (backend: Backend): Named => this.#backends.named(backend)
  route = (route: Route): Named => this.#routes.named(route)

  /** The transaction was rolled back: forget what it inserted. */
  rollback(): void {
    this.#backends.rollback()
    this.#routes.rollback()
  }

  commit(): void {
    this.#backends.commit()
    this.#routes.commit()
  }
}

/** A power of two: more than are busy at once on most hosts. */
const RECENT = 4096

class Interner<T extends { readonly id: number }> {
  /** by object first: a source interns its names, and its ids are small and dense */
  #objects = new Map<T, Named>()
  readonly #recentValues = new Array<T | null>(RECENT).fill(null)
  readonly #recentNames = new Array<Named>(RECENT).fill({ id: 0, hash: 0 })
  readonly #keys = new Map<string, Named & { readonly value: T }>()
  #fresh: string[] = []
  #next = 1

  constructor(
    known: readonly T[],
    readonly keyOf: (value: T) => string,
    readonly insert: (id: number, value: T) => void,
    readonly change: (id: number, before: T, now: T) => void,
  ) {
    for (const value of known) {
      this.#remember(value.id, value)
      this.#next = Math.max(this.#next, value.id + 1)
    }
  }

  /** A look-up in a Map by object takes longer than all else that is done with a request. */
  named(value: T): Named {
    const at = value.id & (RECENT - 1)
    if (this.#recentValues[at] === value) return this.#recentNames[at]!
    const named = this.#find(value)
    this.#recentValues[at] = value
    this.#recentNames[at] = named
    return named
  }

  #find(value: T): Named {
    const known = this.#objects.get(value)
    if (known !== undefined) return known
    const key = this.keyOf(value)
    let named = this.#keys.get(key)
    if (named === undefined) {
      named = this.#remember(this.#next++, value)
      this.#fresh.push(key)
      this.insert(named.id, value)
    } else this.change(named.id, named.value, value)
    if (this.#objects.size > 200_000) this.#objects = new Map()
    this.#objects.set(value, named)
    return named
  }

  rollback(): void {
    for (const key of this.#fresh) this.#keys.delete(key)
    this.#next -= this.#fresh.length
    this.#fresh = []
    this.#objects = new Map()
    this.#recentValues.fill(null)
  }

  commit(): void {
    if (this.#fresh.length > 0) this.#fresh = []
  }

  #remember(id: number, value: T): Named & { readonly value: T } {
    const key = this.keyOf(value)
    const named = { id, hash: foldText(SEED, key), value }
    this.#keys.set(key, named)
    return named
  }
}

/** A name, and what it adds to the checksum. */
export interface Known<T> {
  readonly value: T
  readonly hash: number
}

/** The reader's side: numbers to names, each looked up once and then the same object for ever. */
export class DimensionReader {
  readonly #backends = new Map<number, Known<Backend>>()
  readonly #routes = new Map<number, Known<Route>>()
  /** the file; then what was recovered from its pages */
  #layers: readonly Layer[] = []

  constructor(database: Database) {
    this.attach(database)
  }

  /** The same file through another connection. */
  attach(database: Database): void {
    this.#layers = [layerOf(database), ...this.#layers.slice(1)]
  }

  /** Where to look for what the file itself no longer says. */
  addLayer(database: Database): void {
    this.#layers = [...this.#layers, layerOf(database)]
  }

  backend = (id: number): Known<Backend> => {
    let known = this.#backends.get(id)
    if (known === undefined) {
      const value = backendOf(this.#row(id, ({ backend }) => backend))
      this.#backends.set(id, (known = { value, hash: foldText(SEED, backendKey(value)) }))
    }
    return known
  }

  route = (id: number): Known<Route> => {
    let known = this.#routes.get(id)
    if (known === undefined) {
      const value = routeOf(this.#row(id, ({ route }) => route))
      this.#routes.set(id, (known = { value, hash: foldText(SEED, routeKey(value)) }))
    }
    return known
  }

  #row(id: number, queryOf: (layer: Layer) => Query): SqlRow {
    for (const layer of this.#layers) {
      const row = allOr(() => queryOf(layer).all(id))[0]
      if (row !== undefined) return row
    }
    return []
  }
}

interface Layer {
  readonly backend: Query
  readonly route: Query
}

const layerOf = (database: Database): Layer => ({
  backend: query(database, SELECT_BACKEND),
  route: query(database, SELECT_ROUTE),
})

const SELECT_BACKEND = 'SELECT id, address, netns, name FROM backend WHERE id = ?'
const SELECT_ROUTE = 'SELECT id, method, path FROM route WHERE id = ?'

const backendOf = (row: SqlRow): Backend => ({
  id: integer(row[0]),
  address: text(row[1]),
  netns: integer(row[2]),
  name: typeof row[3] === 'string' ? row[3] : null,
})

const routeOf = (row: SqlRow): Route => ({ id: integer(row[0]), method: text(row[1]), path: text(row[2]) })
