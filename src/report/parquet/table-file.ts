/** A file of one table, while its rows are written. Parquet and NDJSON are two of them. */
import type { TableRows } from './table-columns.ts'

export interface ParquetColumn {
  readonly name: string
  /** timestamp: µs since 1970; int64: below 2^53 */
  readonly type: 'int32' | 'int64' | 'timestamp' | 'text'
  readonly optional?: boolean
  /** a list of int32 or text; null only if the column is optional */
  readonly list?: boolean
}

export interface TableFile {
  /** rows written */
  readonly rows: number
  /** To be awaited before the next call. */
  append(rows: TableRows): Promise<void>
  /** The rows that follow begin a part that can be read, or joined with others, without what is before. */
  endSlice(): Promise<void>
  close(): Promise<void>
  /** Closes an unfinished file. Its content cannot be used. */
  abandon(): Promise<void>
}

/** What is in a file beside its rows. */
export interface TableContent {
  readonly host: string
  readonly columns: readonly ParquetColumn[]
  /** key and value texts, where the format has room for them */
  readonly metadata: Readonly<Record<string, string>>
}

export interface TableFormat {
  /** of a file's name, without the dot */
  readonly extension: string
  /** @param path must not exist */
  create(path: string, content: TableContent): Promise<TableFile>
  /** Whole files, in the order of their rows, become one. */
  join(parts: readonly string[], target: string, metadata: Readonly<Record<string, string>>): Promise<void>
}
