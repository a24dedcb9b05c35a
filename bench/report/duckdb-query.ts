/** Runs docs/fleet.sql over a data set, as an analyst would. */
import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'

const sql = readFileSync(new URL('../../docs/fleet.sql', import.meta.url), 'utf8')
const connection = await (await DuckDBInstance.create()).connect()
const result = await connection.runAndReadAll(sql.replace("'lake/", `'${process.argv[2]!}/`))
console.log(`${result.getRowObjectsJson().length} rows`)
