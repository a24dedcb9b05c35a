/** The parts of SQLite's file format that the mutations need (https://sqlite.org/fileformat2.html). */
import type { Chance } from './chance.ts'

/**
 * Fields of the 100-byte header: [offset, width]. Magic and application id are left out: no reader opens a file without them.
 */
const HEADER = {
  pageSize: [16, 2],
  writeVersion: [18, 1],
  readVersion: [19, 1],
  reserved: [20, 1],
  maxFraction: [21, 1],
  minFraction: [22, 1],
  leafFraction: [23, 1],
  changes: [24, 4],
  pages: [28, 4],
  freeTrunk: [32, 4],
  freePages: [36, 4],
  schemaCookie: [40, 4],
  schemaFormat: [44, 4],
  cacheSize: [48, 4],
  largestRoot: [52, 4],
  encoding: [56, 4],
  userVersion: [60, 4],
  vacuum: [64, 4],
  validFor: [92, 4],
  version: [96, 4],
} as const

const INTERIOR_TABLE = 5
const LEAF_TABLE = 13
const TYPES = [2, INTERIOR_TABLE, 10, LEAF_TABLE, 0, 1, 255]
const PAGE = 4096

/** The pages of a file, changed in place. Page numbers start at 1. */
export class Pages {
  constructor(readonly bytes: Buffer) {}

  get count(): number {
    return Math.floor(this.bytes.length / PAGE)
  }

  page(number: number): Buffer {
    return this.bytes.subarray((number - 1) * PAGE, number * PAGE)
  }

  /** Offset of the b-tree header in a page. */
  start(number: number): number {
    return number === 1 ? 100 : 0
  }

  isTree(number: number): boolean {
    return [2, 5, 10, 13].includes(this.page(number)[this.start(number)] ?? 0)
  }

  isInterior(number: number): boolean {
    return [2, 5].includes(this.page(number)[this.start(number)] ?? 0)
  }

  /** Offsets of the cells in their page, from its cell pointers; only those inside the page. */
  cells(number: number): number[] {
    const page = this.page(number)
    const start = this.start(number)
    const first = start + (this.isInterior(number) ? 12 : 8)
    const count = Math.min(page.readUInt16BE(start + 3), (PAGE - first) >> 1)
    return Array.from({ length: count }, (_, i) => page.readUInt16BE(first + 2 * i)).filter(
      (at) => at < PAGE - 10,
    )
  }

  trees(): number[] {
    return Array.from({ length: this.count }, (_, i) => i + 1).filter((number) => this.isTree(number))
  }

  interiors(): number[] {
    return this.trees().filter((number) => this.isInterior(number))
  }

  /** Turns the page into an interior table page whose children are all the same page. */
  makeFanOut(number: number, child: number, cells: number): void {
    const page = this.page(number)
    const start = this.start(number)
    page.fill(0, start)
    page[start] = INTERIOR_TABLE
    page.writeUInt16BE(cells, start + 3)
    page.writeUInt32BE(child, start + 8)
    let at = PAGE
    for (let i = 0; i < cells; i++) {
      const key = putVarint(i + 1)
      at -= 4 + key.length
      page.writeUInt32BE(child, at)
      key.copy(page, at + 4)
      page.writeUInt16BE(at, start + 12 + 2 * i)
    }
    page.writeUInt16BE(at, start + 5)
  }
}

export function putVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    bytes.unshift(Number(rest & 127n) | (bytes.length === 0 ? 0 : 128))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(bytes)
}

type Mutator = (pages: Pages, chance: Chance) => void

const oddPage = (pages: Pages, chance: Chance): number =>
  chance.pick([0, 1, 2, pages.count, pages.count + 1, 2 ** 31, 2 ** 32 - 1, chance.below(pages.count + 1)])

const header: Mutator = ({ bytes, count }, chance) => {
  const [at, width] = chance.pick(Object.values(HEADER))
  const odd = [
    0,
    1,
    2,
    3,
    64,
    255,
    256,
    512,
    1024,
    4096,
    65_535,
    count - 1,
    count + 1,
    2 ** 24,
    2 ** 31 - 1,
    2 ** 32 - 1,
  ]
  bytes.writeUIntBE(chance.pick(odd) % 2 ** (8 * width), at, width)
}

const pageHeader: Mutator = (pages, chance) => {
  const number = chance.pick(pages.trees())
  const [page, start] = [pages.page(number), pages.start(number)]
  chance.pick<() => void>([
    () => (page[start] = chance.pick(TYPES)),
    () => page.writeUInt16BE(chance.pick([0, 1, 2000, 65_535, chance.below(500)]), start + 3),
    () => page.writeUInt16BE(chance.pick([0, 8, PAGE - 1, PAGE, 65_535]), start + 1),
    () => page.writeUInt16BE(chance.pick([0, 8, PAGE - 1, PAGE, 65_535]), start + 5),
    () => page.writeUInt32BE(oddPage(pages, chance), start + 8),
  ])()
}

const cellPointer: Mutator = (pages, chance) => {
  const number = chance.pick(pages.trees())
  const cells = pages.cells(number)
  const at =
    pages.start(number) + (pages.isInterior(number) ? 12 : 8) + 2 * chance.below(Math.max(1, cells.length))
  const odd = [0, 8, PAGE - 1, PAGE - 4, 65_535, chance.below(PAGE), cells[0] ?? 0]
  pages.page(number).writeUInt16BE(chance.pick(odd), at)
}

const child: Mutator = (pages, chance) => {
  const interiors = pages.interiors()
  if (interiors.length === 0) return
  const number = chance.pick(interiors)
  const target = chance.pick([number, 1, ...interiors, oddPage(pages, chance)])
  const cells = pages.cells(number)
  const at = cells.length === 0 || chance.chance(0.3) ? pages.start(number) + 8 : chance.pick(cells)
  pages.page(number).writeUInt32BE(target, at)
}

/** Changes the length or the types of a payload. */
const payload: Mutator = (pages, chance) => {
  const leaves = pages.trees().filter((number) => !pages.isInterior(number) && pages.cells(number).length > 0)
  if (leaves.length === 0) return
  const number = chance.pick(leaves)
  const page = pages.page(number)
  const at = chance.pick(pages.cells(number))
  chance.pick<() => void>([
    () =>
      putVarint(chance.pick([0, 1, 127, 4061, 4062, 65_536, 2 ** 20, 2 ** 30, 2 ** 31 - 1, 2 ** 40])).copy(
        page,
        at,
      ),
    () => (page[at + chance.between(0, 8)] = chance.pick([0, 1, 127, 128, 255])),
    () => page.fill(255, at, Math.min(PAGE, at + 9)),
    () => (page[Math.min(PAGE - 1, at + chance.below(60))] = chance.below(256)),
    () => chance.bytes(chance.between(1, 30)).copy(page, Math.min(PAGE - 30, at)),
  ])()
}

/** Long payloads whose overflow pages form a cycle: the last four local bytes of a cell are the first overflow page. */
const overflow: Mutator = (pages, chance) => {
  const number = chance.pick(pages.trees())
  if (number === 1 && chance.chance(0.7)) return
  const target = chance.between(2, pages.count)
  const page = pages.page(number)
  const start = pages.start(number)
  const usable = PAGE
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const length = chance.pick([10_000, 2 ** 20, 2 ** 24, 2 ** 26 + 7, 2 ** 29])
  const fit = least + ((length - least) % (usable - 4))
  const local = fit <= usable - 35 ? fit : least
  const head = Buffer.concat([
    putVarint(length),
    putVarint(1),
    putVarint(chance.pick([2, 4, 60, length - 10])),
  ])
  const cell = Buffer.alloc(head.length + local + 4)
  head.copy(cell)
  cell.writeUInt32BE(target, cell.length - 4)
  const at = PAGE - cell.length
  if (at < start + 200) return
  page.fill(0, start)
  cell.copy(page, at)
  page[start] = LEAF_TABLE
  const count = chance.pick([1, 2, 1700])
  page.writeUInt16BE(Math.min(count, (at - start - 8) >> 1), start + 3)
  for (let i = 0; i < count && start + 10 + 2 * i <= at; i++) page.writeUInt16BE(at, start + 8 + 2 * i)
  pages.page(target).writeUInt32BE(chance.pick([target, number, 1, oddPage(pages, chance)]), 0)
}

/** A tree of n levels whose children are all the same page: its row count grows exponentially. */
const exponential: Mutator = (pages, chance) => {
  const trees = pages.trees().filter((number) => number > 1)
  const levels = chance.between(1, 8)
  let below = chance.pick(trees)
  for (let i = 0; i < levels && trees.length > 0; i++) {
    const number = chance.pick(trees)
    pages.makeFanOut(number, chance.chance(0.1) ? number : below, chance.pick([2, 20, 200, 400]))
    below = number
  }
}

const freeList: Mutator = (pages, chance) => {
  const trunk = chance.between(2, pages.count)
  pages.bytes.writeUInt32BE(trunk, 32)
  pages.bytes.writeUInt32BE(chance.pick([1, 1000, 2 ** 31]), 36)
  const page = pages.page(trunk)
  page.writeUInt32BE(chance.pick([trunk, 1, 0, oddPage(pages, chance)]), 0)
  page.writeUInt32BE(chance.pick([0, 1, 1022, 2 ** 31]), 4)
}

const swapPages: Mutator = (pages, chance) => {
  const [a, b] = [chance.between(2, pages.count), chance.between(2, pages.count)]
  const copy = Buffer.from(pages.page(a))
  pages.page(b).copy(pages.page(a))
  if (chance.chance(0.5)) copy.copy(pages.page(b))
}

const bits: Mutator = ({ bytes }, chance) => {
  for (let i = chance.size(64); i >= 0; i--) bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8)
}

const block: Mutator = ({ bytes }, chance) => {
  const at = chance.below(bytes.length)
  const length = Math.min(bytes.length - at, chance.size(10_000) + 1)
  if (chance.chance(0.5)) bytes.fill(chance.pick([0, 255, 1, 127]), at, at + length)
  else chance.bytes(Math.min(length, 500)).copy(bytes, at)
}

const MUTATORS = [
  ...[header, pageHeader, pageHeader, cellPointer, cellPointer, child, child, payload, payload, payload],
  ...[overflow, exponential, freeList, swapPages, bits, block],
]

export function mutatePages(bytes: Buffer, chance: Chance): Buffer {
  const pages = new Pages(Buffer.from(bytes))
  for (let i = chance.between(1, 3); i > 0; i--)
    if (pages.trees().length > 0) chance.pick(MUTATORS)(pages, chance)
  return chance.chance(0.05) ? pages.bytes.subarray(0, chance.below(bytes.length)) : pages.bytes
}
