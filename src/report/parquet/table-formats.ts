/** The formats of a data set. */
import { NDJSON } from './ndjson-file.ts'
import { PARQUET } from './parquet-file.ts'

export const TABLE_FORMATS = { Parquet: PARQUET, NDJSON } as const
