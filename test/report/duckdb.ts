/** SQL over the files that were written, by an engine that is not ours. */
import { DuckDBInstance } from '@duckdb/node-api'

export type SqlRow = Readonly<Record<string, unknown>>

/** Rows with numbers as numbers. */
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
