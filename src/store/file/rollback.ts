/** Reads from a rollback journal the pages as they were before an unfinished change (sqlite.org/fileformat2.html, section 3). */
import { readFileSync } from 'node:fs'
import type { Patch } from './patch.ts'

const MAGIC = Buffer.from('d9d505f920a163d7', 'hex')
/** A header takes a whole sector; the rest of it is unused. */
const HEADER_BYTES = 28
const UNTIL_END = 0xffffffff

interface Segment {
  readonly records: number
  readonly nonce: number
  readonly pages: number
  readonly sector: number
}

/**
 * @returns null if there is nothing to roll back, or if the journal names a super-journal: it then belongs to a transaction over
 * several databases, and this program makes none
 */
export function journalPatch(path: string, pageSize: number, filePages: number): Patch | null {
  const journal = readFileSync(path)
  const first = segmentAt(journal, 0, pageSize)
  if (first === null || namesSuperJournal(journal)) return null
  const content = [...recordsOf(journal, first, pageSize)]
  return content.length === 0 ? null : { pages: Math.min(first.pages, filePages), content }
}

/** Whether it ends with the name of a super-journal. SQLite would delete the file of that name. */
const namesSuperJournal = (journal: Buffer): boolean => journal.subarray(-MAGIC.length).equals(MAGIC)

function segmentAt(journal: Buffer, at: number, pageSize: number): Segment | null {
  if (at + HEADER_BYTES > journal.length || journal.compare(MAGIC, 0, 8, at, at + 8) !== 0) return null
  const [records, nonce, pages] = [8, 12, 16].map((field) => journal.readUInt32BE(at + field)) as [
    number,
    number,
    number,
  ]
  const sector = journal.readUInt32BE(at + 20)
  const isSector = sector >= 32 && sector <= 65_536 && (sector & (sector - 1)) === 0
  // 0 in journals of old SQLite versions: they do not store the page size.
  const size = journal.readUInt32BE(at + 24)
  if (!isSector || (size !== 0 && size !== pageSize)) return null
  const rest = Math.floor((journal.length - at - sector) / (pageSize + 8))
  return { records: records === UNTIL_END ? rest : records, nonce, pages, sector }
}

/** The records up to the first torn one. If a page has several records, the first one is from before the change. */
function* recordsOf(journal: Buffer, first: Segment, pageSize: number): Generator<readonly [number, Buffer]> {
  const seen = new Set<number>()
  let at = 0
  for (let segment: Segment | null = first; segment !== null; segment = segmentAt(journal, at, pageSize)) {
    at += segment.sector
    for (let i = 0; i < segment.records; i++, at += pageSize + 8) {
      if (at + pageSize + 8 > journal.length) return
      const page = journal.readUInt32BE(at)
      const content = journal.subarray(at + 4, at + 4 + pageSize)
      if (page === 0 || journal.readUInt32BE(at + 4 + pageSize) !== checksum(content, segment.nonce)) return
      if (page <= first.pages && !seen.has(page)) yield [page, content]
      seen.add(page)
    }
    at = Math.ceil(at / segment.sector) * segment.sector
  }
}

/** SQLite adds every 200th byte, from the end. */
function checksum(content: Buffer, nonce: number): number {
  let sum = nonce
  for (let i = content.length - 200; i > 0; i -= 200) sum += content[i]!
  return sum >>> 0
}
