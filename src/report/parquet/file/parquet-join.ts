/**
 * Several Parquet files of the same columns as one: pages are copied as they are, and only their places are written anew. So what is
 * joined equals, byte for byte, what one export of all rows would have written, if both begin their row groups at the same rows.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { recordingError } from '../../../errors.ts'
import {
  footerBytes,
  footerOf,
  keyValue,
  MAGIC,
  thriftOf,
  type ColumnChunk,
  type ParquetFooter,
  type RowGroup,
} from './parquet-footer.ts'

/**
 * @param parts in the order of their rows @param target must not exist @param metadata key and value texts of the footer
 * @throws UserError if a part is torn, or has other columns or another schema; the target is then incomplete, and the caller's to remove
 */
export async function joinParquet(
  parts: readonly string[],
  target: string,
  metadata: Readonly<Record<string, string>>,
): Promise<number> {
  const output = await open(target, 'wx', 0o640)
  try {
    return await new Joined(output).write(parts, metadata)
  } finally {
    await output.close()
  }
}

class Joined {
  readonly #output: FileHandle
  readonly #copied = Buffer.allocUnsafe(1 << 20)
  readonly #groups: RowGroup[] = []
  #offset = 0
  #rows = 0

  constructor(output: FileHandle) {
    this.#output = output
  }

  async write(parts: readonly string[], metadata: Readonly<Record<string, string>>): Promise<number> {
    await this.#append(Buffer.from(MAGIC))
    let first: Part | null = null
    for (const path of parts) {
      const input = await open(path)
      try {
        const footer = await footerOf(input, path)
        first ??= { path, footer }
        refuseOther(first, { path, footer })
        for (const group of footer.rowGroups) await this.#copyGroup(input, path, group)
        this.#rows += footer.rows
      } finally {
        await input.close()
      }
    }
    if (first === null) throw new Error('nothing to join')
    const { content } = first.footer
    content.num_rows = this.#rows
    content.row_groups = this.#groups
    content.key_value_metadata = Object.entries(metadata).map(([key, value]) => keyValue(key, value))
    await this.#append(footerBytes(content))
    return this.#rows
  }

  async #copyGroup(input: FileHandle, path: string, group: RowGroup): Promise<void> {
    let bytes = 0
    for (const chunk of group.columns) bytes += await this.#copyColumn(input, path, chunk)
    group.total_byte_size = bytes
    this.#groups.push(group)
  }

  /** @returns the bytes of the column with the copy of its metadata, which may grow with the offset in it */
  async #copyColumn(input: FileHandle, path: string, chunk: ColumnChunk): Promise<number> {
    const column = chunk.meta_data
    const [begin, end] = [Number(column.data_page_offset), Number(chunk.file_offset)]
    column.data_page_offset = this.#offset
    await this.#copy(input, path, begin, end)
    chunk.file_offset = this.#offset
    const encoded = thriftOf(column)
    await this.#append(encoded)
    return end - begin + encoded.length
  }

  async #copy(input: FileHandle, path: string, begin: number, end: number): Promise<void> {
    for (let position = begin; position < end;) {
      const length = Math.min(this.#copied.length, end - position)
      const { bytesRead } = await input.read(this.#copied, 0, length, position)
      if (bytesRead === 0) throw new Error(`"${path}" has become shorter while it was read`)
      await this.#append(this.#copied.subarray(0, bytesRead))
      position += bytesRead
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#output.writeFile(bytes)
    this.#offset += bytes.length
  }
}

interface Part {
  readonly path: string
  readonly footer: ParquetFooter
}

function refuseOther(first: Part, part: Part): void {
  const schemaOf = ({ footer }: Part): string => footer.metadata['upstreamtop.schema'] ?? 'unknown'
  if (schemaOf(part) !== schemaOf(first))
    throw recordingError(
      `"${part.path}" has schema ${schemaOf(part)}, and "${first.path}" has ${schemaOf(first)}`,
      'Leave them apart, or export both ranges again.',
    )
  if (part.footer.columns !== first.footer.columns)
    throw recordingError(
      `"${part.path}" has other columns than "${first.path}"`,
      'Another version of upstreamtop wrote it. Leave them apart, or export both ranges again.',
    )
}
