/** node --import tsx scripts/generate-clickhouse.ts: writes the tables of contrib/clickhouse from the columns of the data set. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { schema } from './clickhouse/schema.ts'

const ROOT = join(import.meta.dirname, '..')

/** Path from the project's root → the content that the file must have. */
export const generated = (): ReadonlyMap<string, string> =>
  new Map([
    ['contrib/clickhouse/schema.sql', schema('current')],
    ['contrib/clickhouse/schema-18.16.sql', schema('18.16')],
  ])

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of generated()) writeFileSync(join(ROOT, path), text)
