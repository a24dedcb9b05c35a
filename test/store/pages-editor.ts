/** Changes pages of a SQLite file in ways that SQLite would not (sqlite.org/fileformat2.html). */
import { readFileSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'

const PAGE = 4096

export class PagesEditor {
  #bytes: Buffer

  constructor(readonly file: string) {
    this.#bytes = readFileSync(file)
  }

  get pages(): number {
    return this.#bytes.length / PAGE
  }

  page(number: number): Buffer {
    return this.#bytes.subarray((number - 1) * PAGE, number * PAGE)
  }

  /** Returns the number of the new page. */
  append(page: Buffer): number {
    this.#bytes = Buffer.concat([this.#bytes, page])
    return this.pages
  }

  rootOf(table: string): number {
    const database = new Sqlite(this.file, { readonly: true })
    const root = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').pluck().get(table)
    database.close()
    return Number(root)
  }

  /** The first leaf of a tree. */
  leafOf(root: number): number {
    let number = root
    while (this.page(number)[0] === 5) number = this.page(number).readUInt32BE(8)
    return number
  }

  /** Writes the file, with the new page count in its header. */
  save(): void {
    this.#bytes.writeUInt32BE(this.pages, 28)
    writeFileSync(this.file, this.#bytes)
  }
}

/** An interior table page whose children are all the same page. */
export function interiorPage(child: number, children = 300): Buffer {
  const page = Buffer.alloc(PAGE)
  page[0] = 5
  page.writeUInt16BE(children, 3)
  page.writeUInt16BE(PAGE - 5 * children, 5)
  page.writeUInt32BE(child, 8)
  for (let i = 0; i < children; i++) {
    const at = PAGE - 5 * (i + 1)
    page.writeUInt32BE(child, at)
    page[at + 4] = 1
    page.writeUInt16BE(at, 12 + 2 * i)
  }
  return page
}

/** Builds a tree of a few pages that leads to the first leaf 300^depth times. */
export function multiply(file: string, table: string, depth = 15): void {
  const editor = new PagesEditor(file)
  const root = editor.rootOf(table)
  const first = editor.leafOf(root)
  let child = first === root ? editor.append(Buffer.from(editor.page(root))) : first
  for (let i = 0; i < depth; i++) child = editor.append(interiorPage(child))
  interiorPage(child).copy(editor.page(root))
  editor.save()
}
