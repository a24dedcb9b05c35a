/** A table's file that becomes of parts which are written elsewhere: the same bytes as of one writer. */
import { rm } from 'node:fs/promises'
import type { TableContent, TableFile, TableFormat } from './table-file.ts'

export interface Part {
  readonly path: string
  readonly rows: number
}

export class JoinedFile implements TableFile {
  rows = 0
  readonly #format: TableFormat
  readonly #path: string
  readonly #content: TableContent
  readonly #parts: string[] = []

  constructor(format: TableFormat, path: string, content: TableContent) {
    this.#format = format
    this.#path = path
    this.#content = content
  }

  /** The next rows in order. It is removed when all are joined. */
  add({ path, rows }: Part): void {
    this.#parts.push(path)
    this.rows += rows
  }

  append(): Promise<void> {
    return Promise.reject(new Error('rows come as parts'))
  }

  /** Parts are slices already. */
  endSlice(): Promise<void> {
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await this.#format.join(this.#parts, this.#path, this.#content.metadata)
    for (const part of this.#parts) await rm(part, { force: true })
  }

  abandon(): Promise<void> {
    return Promise.resolve()
  }
}
