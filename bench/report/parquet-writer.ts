/** One writer per process: WRITER DAY.db FILE ROWS. */
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import type { SchemaElement } from 'hyparquet'
import { ParquetFile, type ParquetCell, type ParquetColumn } from '../../src/report/parquet/parquet-file.ts'
import { COLUMNS, trafficRow } from '../../src/report/parquet/parquet-tables.ts'
import { openRecording } from '../../src/store/read/reader.ts'

const [writer, source, file, count] = process.argv.slice(2) as [string, string, string, string]
const columns = COLUMNS.traffic

function* rows(): Generator<readonly ParquetCell[]> {
  const recording = openRecording(source)
  let left = Number(count)
  for (const { seq } of recording.ticks) {
    const frame = recording.frame(seq)!
    for (const row of frame.traffic) {
      if (left-- === 0) return
      yield trafficRow(frame, row)
    }
  }
}

const WRITERS: Readonly<Record<string, () => Promise<void>>> = { nothing, upstreamtop, hyparquet, duckdb }
await WRITERS[writer]!()

async function nothing(): Promise<void> {
  let cells = 0
  for (const row of rows()) cells += row.length
  console.log(cells)
  return Promise.resolve()
}

async function upstreamtop(): Promise<void> {
  const parquet = await ParquetFile.create(file, columns, {})
  for (const row of rows()) {
    const wait = parquet.append(row)
    if (wait !== null) await wait
  }
  await parquet.close()
}

/** hyparquet with the same size of row groups, its dictionaries and delta encodings, and zlib's gzip like ours. */
async function hyparquet(): Promise<void> {
  const parquet = new ParquetWriter({
    writer: fileWriter(file),
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(elementsOf)],
    codec: 'GZIP',
    compressors: { GZIP: (bytes: Uint8Array) => gzipSync(bytes) },
  })
  let group: (readonly ParquetCell[])[] = []
  const flush = async (): Promise<void> => {
    const columnData = columns.map(({ name, type }, i) => ({
      name,
      data: group.map((row) => (type === 'int64' || type === 'timestamp' ? big(row[i]!) : row[i]!)),
    }))
    await parquet.write({ columnData, rowGroupSize: group.length })
    group = []
  }
  for (const row of rows()) if (group.push(row) === 50_000) await flush()
  if (group.length > 0) await flush()
  await parquet.finish()
}

function big(cell: ParquetCell): bigint | null {
  return cell === null ? null : BigInt(cell as number)
}

function elementsOf({ name, type, optional, list }: ParquetColumn): SchemaElement[] {
  const repetition_type = optional === true ? 'OPTIONAL' : 'REQUIRED'
  if (list === true) {
    return [
      { name, repetition_type, converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', type: 'INT32' },
    ]
  }
  switch (type) {
    case 'int32':
      return [{ name, repetition_type, type: 'INT32' }]
    case 'int64':
      return [{ name, repetition_type, type: 'INT64' }]
    case 'timestamp':
      return [{ name, repetition_type, type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }]
    case 'text':
      return [{ name, repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
    case 'bool':
      return [{ name, repetition_type, type: 'BOOLEAN' }]
  }
}

/** SOURCE is our Parquet file: the time includes reading it, which is short. */
async function duckdb(): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(
    `COPY (FROM read_parquet('${source}')) TO '${file}' (FORMAT parquet, COMPRESSION gzip, ROW_GROUP_SIZE 50000)`,
  )
}
