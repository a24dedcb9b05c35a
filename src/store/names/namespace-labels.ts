/** What network namespaces are called, by their numbers. Files of earlier versions have no table for it. */
import type { Backend } from '../../frame/model/frame.ts'
import { foundColumns } from '../format/columns.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { integer, query, type Database, type Query } from '../sqlite/database.ts'

/** Beyond this many, those go that no backend of the file has any more. */
const MAX_LABELS = 1000

/** For the writer, within the transaction of a tick. */
export class NamespaceWriter {
  readonly #labels = new Map<number, string>()
  /** since the last commit */
  #written: number[] = []

  constructor(readonly database: Database) {
    this.#read()
  }

  learn({ netns, namespace }: Backend): void {
    if (namespace === undefined || this.#labels.get(netns) === namespace) return
    this.database
      .prepare('INSERT OR REPLACE INTO namespace (netns, label) VALUES (?, ?)')
      .run(netns, namespace)
    this.#labels.set(netns, namespace)
    this.#written.push(netns)
  }

  removeUnused(): void {
    if (this.#labels.size <= MAX_LABELS) return
    this.database.exec('DELETE FROM namespace WHERE netns NOT IN (SELECT netns FROM backend)')
    this.#labels.clear()
    this.#read()
  }

  commit(): void {
    this.#written = []
  }

  rollback(): void {
    for (const netns of this.#written) this.#labels.delete(netns)
    this.#written = []
  }

  #read(): void {
    for (const [netns, label] of inOrder(query(this.database, SELECT_ALL).iterate()))
      if (typeof label === 'string') this.#labels.set(integer(netns), label)
  }
}

const SELECT_ALL = 'SELECT netns, label FROM namespace ORDER BY netns'

/** @returns null: the file has no labels */
export const labelQuery = (database: Database): Query | null =>
  foundColumns(database, 'namespace').length === 0
    ? null
    : query(database, 'SELECT label FROM namespace WHERE netns = ?')
