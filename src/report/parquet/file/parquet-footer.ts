/**
 * The footer of a Parquet file as parquetjs-lite 0.8.7 writes it, read and written through the package's own Thrift code. The package
 * cannot join files, and its reader would decode every page.
 */
import { open, type FileHandle } from 'node:fs/promises'
import types, {
  type ColumnChunk,
  type FileMetaData,
  type KeyValue,
  type RowGroup,
} from 'parquetjs-lite/gen-nodejs/parquet_types.js'
import thrift from 'parquetjs-lite/lib/util.js'
import { recordingError } from '../../../errors.ts'

export type { ColumnChunk, RowGroup }

export interface ParquetFooter {
  readonly rows: number
  readonly rowGroups: readonly RowGroup[]
  /** key and value texts */
  readonly metadata: Readonly<Record<string, string>>
  /** equal for files of the same columns */
  readonly columns: string
  readonly content: FileMetaData
}

export const MAGIC = 'PAR1'

/** @throws UserError if the file is torn or not ours */
export async function readFooter(path: string): Promise<ParquetFooter> {
  const file = await open(path)
  try {
    return await footerOf(file, path)
  } finally {
    await file.close()
  }
}

export async function footerOf(file: FileHandle, path: string): Promise<ParquetFooter> {
  const { size } = await file.stat()
  const tail = await readAt(file, Math.max(0, size - 8), 8)
  const head = await readAt(file, 0, 4)
  const length = tail.length < 8 ? 0 : tail.readUInt32LE(0)
  const begin = size - 8 - length
  const isWhole = head.toString('latin1') === MAGIC && tail.toString('latin1', 4) === MAGIC
  if (!isWhole || length === 0 || begin < 4) throw torn(path)
  const footer = interpreted(await readAt(file, begin, length), begin)
  if (footer === null) throw torn(path)
  return footer
}

/** @param end of the pages @returns null where it is none: bytes of something else may be read as anything */
function interpreted(bytes: Buffer, end: number): ParquetFooter | null {
  const content = new types.FileMetaData()
  try {
    thrift.decodeThrift(content, bytes)
    if (!content.row_groups.every((group) => group.columns.every(isWithin(end)))) return null
    const keyValues = content.key_value_metadata ?? []
    return {
      rows: Number(content.num_rows),
      rowGroups: content.row_groups,
      metadata: Object.fromEntries(keyValues.map(({ key, value }) => [key, value ?? ''])),
      columns: columnsOf(content),
      content,
    }
  } catch {
    return null
  }
}

/** The schema alone, encoded. */
function columnsOf({ schema }: FileMetaData): string {
  const alone = new types.FileMetaData()
  alone.schema = schema
  return thriftOf(alone).toString('base64')
}

/** The package writes the pages of a column, then a copy of its metadata, at `file_offset`. */
const isWithin =
  (end: number) =>
  ({ file_offset: offset, meta_data: column }: ColumnChunk): boolean =>
    Number(column.data_page_offset) >= 4 &&
    Number(column.data_page_offset) + Number(column.total_compressed_size) === Number(offset) &&
    Number(offset) < end

const torn = (path: string): Error =>
  recordingError(
    `"${path}" is no whole Parquet file of this program`,
    'Remove it, and export its range again.',
  )

/** The end of a file: footer, its length, and the mark. */
export function footerBytes(content: FileMetaData): Buffer {
  const encoded = thriftOf(content)
  const end = Buffer.alloc(8)
  end.writeUInt32LE(encoded.length, 0)
  end.write(MAGIC, 4, 'latin1')
  return Buffer.concat([encoded, end])
}

export const keyValue = (key: string, value: string): KeyValue => new types.KeyValue({ key, value })

export const thriftOf = (value: object): Buffer => thrift.serializeThrift(value)

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
