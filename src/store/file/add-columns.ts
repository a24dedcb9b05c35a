/** Adds the tables and columns that a file of an earlier version lacks. Existing rows have NULL in new columns; their checksums stay valid. */
import { foundColumns } from '../format/columns.ts'
import { laterType, NAME_COPIES, NAMESPACE_TABLE, WITH_LATER } from '../format/schema.ts'
import type { Database } from '../sqlite/database.ts'

/** In one transaction. Writes nothing if nothing is missing. */
export function addColumns(database: Database, tables: typeof WITH_LATER = WITH_LATER): void {
  const statements = [
    ...missingCopies(database),
    ...missingNamespaces(database),
    ...missingColumns(database, tables),
  ]
  if (statements.length === 0) return
  database.transaction(() => statements.forEach((sql) => database.exec(sql))).immediate()
}

const missingCopies = (database: Database): readonly string[] =>
  foundColumns(database, 'backend_copy').length > 0
    ? []
    : [
        NAME_COPIES,
        'INSERT INTO backend_copy (id, address, netns, name) SELECT id, address, netns, name FROM backend',
        'INSERT INTO route_copy (id, method, path) SELECT id, method, path FROM route',
      ]

const missingNamespaces = (database: Database): readonly string[] =>
  foundColumns(database, 'namespace').length > 0 ? [] : [NAMESPACE_TABLE]

const missingColumns = (database: Database, tables: typeof WITH_LATER): readonly string[] =>
  Object.entries(tables).flatMap(([table, { later }]) => {
    const existing = new Set(foundColumns(database, table).map(({ name }) => name))
    // A table that is missing is made with all of its columns.
    if (existing.size === 0) return []
    return later
      .filter((name) => !existing.has(name))
      .map((name) => `ALTER TABLE ${table} ADD COLUMN ${name} ${laterType(name)}`)
  })
