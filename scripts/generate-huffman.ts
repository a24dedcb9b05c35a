/** node --import tsx scripts/generate-huffman.ts: writes the tables of HPACK's Huffman code for the kernel. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { c } from './huffman/c.ts'

/** Path from the project's root → the content that the file must have. */
export const generated = (): ReadonlyMap<string, string> =>
  new Map([['bpf/kernel/parser/huffman-table.h', c()]])

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of generated()) writeFileSync(join(import.meta.dirname, '..', path), text)
