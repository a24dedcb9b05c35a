/** A temporary folder for damaged files. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Progress } from '../../src/store/tools/copy.ts'

export interface Folder {
  readonly path: string
  file(name: string): string
  /** removes the file with its side files */
  remove(file: string): void
}

export async function withFolder<T>(use: (folder: Folder) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'upstreamtop-torture-'))
  try {
    return await use({
      path,
      file: (name) => join(path, name),
      remove: (file) => {
        for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true })
      },
    })
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

export const silent: Progress = { signal: new AbortController().signal, report: () => undefined }
