/** SQL over the written files, by another engine. */
import { DuckDBInstance } from '@duckdb/node-api'

export type SqlRow = Readonly<Record<string, unknown>>

/** Returns rows with bigints as numbers. */
export async function sql(query: string): Promise<SqlRow[]> {
  const connection = await (await DuckDBInstance.create()).connect()
  try {
    const rows = (await connection.runAndReadAll(query)).getRowObjectsJS()
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
    )
  } finally {
    connection.closeSync()
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return Array.isArray(value) ? value.map(plain) : value
}
