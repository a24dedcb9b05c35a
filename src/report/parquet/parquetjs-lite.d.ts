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
    readonly envelopeWriter: { writeRowGroup(rows: RowBuffer): Promise<void> }
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

declare module 'parquetjs-lite/lib/codec/plain.js' {
  const plain: {
    /** the writer looks it up here for each page */
    encodeValues: (type: string, values: readonly unknown[], options?: object) => Buffer
  }
  export default plain
}

declare module 'parquetjs-lite/lib/codec/rle.js' {
  const rle: {
    /** of levels, with their length in front; the writer looks it up here for each page */
    encodeValues(type: string, levels: readonly number[], options: { readonly bitWidth: number }): Buffer
  }
  export default rle
}

/** Of the package's Thrift code, what parquet-footer.ts uses. A 64-bit number is read as an object that `Number` takes. */
declare module 'parquetjs-lite/gen-nodejs/parquet_types.js' {
  interface ColumnChunk {
    file_offset: unknown
    readonly meta_data: {
      data_page_offset: unknown
      readonly total_compressed_size: unknown
    }
  }
  interface RowGroup {
    readonly columns: readonly ColumnChunk[]
    total_byte_size: unknown
  }
  interface KeyValue {
    readonly key: string
    readonly value: string | null
  }
  class FileMetaData {
    schema: readonly unknown[]
    num_rows: unknown
    row_groups: readonly RowGroup[]
    key_value_metadata: readonly KeyValue[] | null
  }
  const types: {
    readonly FileMetaData: typeof FileMetaData
    readonly KeyValue: new (fields: KeyValue) => KeyValue
  }
  export default types
  export type { ColumnChunk, RowGroup, KeyValue, FileMetaData }
}

declare module 'parquetjs-lite/lib/util.js' {
  const util: {
    serializeThrift(value: object): Buffer
    decodeThrift(into: object, bytes: Buffer): number
  }
  export default util
}
