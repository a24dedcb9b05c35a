/** Reads the transactions of a -wal as SQLite would apply them (sqlite.org/fileformat2.html, section 4). */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Patch } from './patch.ts'

const HEADER = 32
const FRAME_HEADER = 24
const MAGIC_LITTLE_ENDIAN = 0x377f0682

/** The next frame must match the salts of the header and the running checksum. */
interface Chain {
  readonly isLittleEndian: boolean
  readonly salts: Buffer
  sums: [number, number]
}

/** @param pageSize of the recording; @param filePages its number of pages. @returns null if no transaction is complete */
export function walPatch(path: string, pageSize: number, filePages: number): Patch | null {
  const descriptor = openSync(path, 'r')
  try {
    const commits = committed(descriptor, pageSize)
    if (commits === null) return null
    // A commit frame may claim any size, but the file has no more new pages than the -wal contains.
    const most = filePages + commits.offsets.size
    return { pages: Math.min(commits.pages, most), content: contentOf(path, commits.offsets, pageSize) }
  } finally {
    closeSync(descriptor)
  }
}

/** The offset of the newest content of each page, up to the last complete transaction. */
function committed(
  descriptor: number,
  pageSize: number,
): { readonly pages: number; readonly offsets: ReadonlyMap<number, number> } | null {
  const chain = beginChain(descriptor, pageSize)
  if (chain === null) return null
  const offsets = new Map<number, number>()
  const uncommitted = new Map<number, number>()
  let pages = 0
  const frame = Buffer.alloc(FRAME_HEADER + pageSize)
  for (let start = HEADER; readSync(descriptor, frame, 0, frame.length, start) === frame.length;) {
    if (!extendsChain(chain, frame)) break
    uncommitted.set(frame.readUInt32BE(0), start + FRAME_HEADER)
    const size = frame.readUInt32BE(4)
    if (size > 0) {
      pages = size
      for (const [page, offset] of uncommitted) offsets.set(page, offset)
      uncommitted.clear()
    }
    start += frame.length
  }
  return pages === 0 ? null : { pages, offsets }
}

function beginChain(descriptor: number, pageSize: number): Chain | null {
  const header = Buffer.alloc(HEADER)
  if (readSync(descriptor, header, 0, HEADER, 0) !== HEADER) return null
  const magic = header.readUInt32BE(0)
  const isLittleEndian = magic === MAGIC_LITTLE_ENDIAN
  if ((!isLittleEndian && magic !== MAGIC_LITTLE_ENDIAN + 1) || header.readUInt32BE(8) !== pageSize)
    return null
  const sums = checksum([0, 0], header, 0, 24, isLittleEndian)
  if (sums[0] !== header.readUInt32BE(24) || sums[1] !== header.readUInt32BE(28)) return null
  return { isLittleEndian, salts: header.subarray(16, 24), sums }
}

/** A frame from before the last checkpoint has other salts; a torn frame has another checksum. */
function extendsChain(chain: Chain, frame: Buffer): boolean {
  if (frame.compare(chain.salts, 0, 8, 8, 16) !== 0 || frame.readUInt32BE(0) === 0) return false
  const head = checksum(chain.sums, frame, 0, 8, chain.isLittleEndian)
  const sums = checksum(head, frame, FRAME_HEADER, frame.length, chain.isLittleEndian)
  if (sums[0] !== frame.readUInt32BE(16) || sums[1] !== frame.readUInt32BE(20)) return false
  chain.sums = sums
  return true
}

function checksum(
  [first, second]: readonly [number, number],
  bytes: Buffer,
  from: number,
  to: number,
  isLittleEndian: boolean,
): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let [a, b] = [first | 0, second | 0]
  for (let at = from; at < to; at += 8) {
    a = (a + view.getInt32(at, isLittleEndian) + b) | 0
    b = (b + view.getInt32(at + 4, isLittleEndian) + a) | 0
  }
  return [a >>> 0, b >>> 0]
}

function* contentOf(
  path: string,
  offsets: ReadonlyMap<number, number>,
  pageSize: number,
): Generator<readonly [number, Buffer]> {
  const descriptor = openSync(path, 'r')
  try {
    for (const [page, offset] of offsets) {
      const content = Buffer.alloc(pageSize)
      readSync(descriptor, content, 0, pageSize, offset)
      yield [page, content]
    }
  } finally {
    closeSync(descriptor)
  }
}
