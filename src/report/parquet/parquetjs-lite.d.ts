/** parquetjs-lite 0.8.7 has no types. Only what parquet-file.ts uses. */
declare module 'parquetjs-lite' {
  interface FieldDefinition {
    /** absent: a group without a type of its own */
    readonly type?: 'INT32' | 'INT64' | 'DOUBLE' | 'BOOLEAN' | 'UTF8' | 'TIMESTAMP_MICROS' | 'LIST'
    readonly fields?: Readonly<Record<string, FieldDefinition>>
    readonly optional?: boolean
    readonly repeated?: boolean
    readonly compression?: 'GZIP' | 'SNAPPY' | 'UNCOMPRESSED'
    /** false; without it the package writes statistics of the rows of appendRow */
    readonly statistics?: false
  }

  /** The cells of a column before a page is encoded. Internal to the package, and right for this version. */
  interface ColumnData {
    readonly rlevels: number[]
    readonly dlevels: number[]
    readonly values: unknown[]
    readonly distinct_values: Set<unknown>
  }
  interface RowBuffer {
    rowCount?: number
    pageRowCount?: number
    columnData?: Record<string, ColumnData>
  }

  // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- the package exports a class
  class ParquetSchema {
    constructor(fields: Readonly<Record<string, FieldDefinition>>)
  }

  class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      stream: {
        write(bytes: Buffer, done: (error?: Error | null) => void): void
        end(done: (error?: Error | null) => void): void
      },
      options: {
        readonly rowGroupSize: number
        readonly pageSize: number
        readonly pageIndex: false
        readonly useDataPageV2: false
      },
    ): Promise<ParquetWriter>
    rowBuffer: RowBuffer
    appendRow(row: Readonly<Record<string, unknown>>): Promise<void>
    setMetadata(key: string, value: string): void
    close(): Promise<void>
  }

  const parquet: {
    readonly ParquetSchema: typeof ParquetSchema
    readonly ParquetWriter: typeof ParquetWriter
  }
  export default parquet
  export type { ParquetWriter, RowBuffer, ColumnData, FieldDefinition }
}
