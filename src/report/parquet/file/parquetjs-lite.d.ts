/** parquetjs-lite 0.8.7 has no types. Only what parquet-file.ts uses. */
declare module 'parquetjs-lite' {
  import type { Page } from 'parquetjs-lite/gen-nodejs/parquet_types.js'

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

  /** The encoded pages of a row group, by the path of their column. Internal to the package, and right for this version. */
  interface RowBuffer {
    readonly rowCount: number
    readonly pages: Readonly<Record<string, readonly Page[]>>
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
  export type { ParquetWriter, FieldDefinition }
}

declare module 'parquetjs-lite/lib/codec/rle.js' {
  const rle: {
    /** of levels, with their length in front */
    encodeValues(type: string, levels: readonly number[], options: { readonly bitWidth: number }): Buffer
  }
  export default rle
}

/** Of the package's Thrift code, what is used. A 64-bit number is read as an object that `Number` takes. */
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
  interface PageHeader {
    type: number
    uncompressed_page_size: number
    compressed_page_size: number
    data_page_header: DataPageHeader
  }
  interface DataPageHeader {
    num_values: number
    encoding: number
    definition_level_encoding: number
    repetition_level_encoding: number
    statistics: object
  }
  /** What the package keeps of a page until its row group is written. */
  interface Page {
    /** with its header */
    readonly page: Buffer
    readonly first_row_index: number
    readonly num_values: number
    readonly distinct_values: ReadonlySet<number>
    /** of a column with statistics */
    readonly statistics?: Statistics
  }
  interface Statistics {
    readonly null_count: number
    readonly distinct_count: number
    readonly min_value?: number
    readonly max_value?: number
  }
  const types: {
    readonly PageHeader: new () => PageHeader
    readonly DataPageHeader: new () => DataPageHeader
    readonly Statistics: new (fields: object) => object
    readonly Encoding: { readonly PLAIN: number; readonly RLE: number }
    readonly PageType: { readonly DATA_PAGE: number }
    readonly FileMetaData: typeof FileMetaData
    readonly KeyValue: new (fields: KeyValue) => KeyValue
  }
  export default types
  export type { ColumnChunk, RowGroup, KeyValue, FileMetaData, Page, Statistics }
}

declare module 'parquetjs-lite/lib/util.js' {
  const util: {
    serializeThrift(value: object): Buffer
    decodeThrift(into: object, bytes: Buffer): number
  }
  export default util
}
