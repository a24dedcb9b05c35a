/** Refuses a recording of a later format and names the version that reads it. */
import { recordingError, type UserError } from '../../errors.ts'
import { FORMAT } from '../format/schema.ts'
import { nullIfDamaged } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import type { Image } from './image.ts'
import { openPages, rowsOfTable } from './pages.ts'
import { rowsOfSchema } from './schema-check.ts'

export const newerFormat = (file: string, format: number, image: Image): UserError =>
  recordingError(
    `"${file}" is of format ${format}, this version reads up to format ${FORMAT}`,
    `Open it with ${readerIn(image) ?? 'a later upstreamtop'}${readerIn(image) === null ? '' : ' or later'}.`,
  )

/** The file may be hostile: its text is shown only if it has this form. */
const VERSION = /^upstreamtop \d{1,4}\.\d{1,4}\.\d{1,4}$/

/** `readable_by` from the meta table, read from the pages: the rest of the schema is unknown. */
function readerIn(image: Image): string | null {
  const pages = openPages(image, PAGE_SIZE)
  try {
    return nullIfDamaged(() => {
      const meta = rowsOfSchema(pages).find(({ type, name }) => type === 'table' && name === 'meta')
      for (const row of meta === undefined ? [] : rowsOfTable(meta.root, pages)) {
        const [key, value] = row.values()
        if (key === 'readable_by' && typeof value === 'string' && VERSION.test(value)) return value
      }
      return null
    })
  } finally {
    pages.close()
  }
}
