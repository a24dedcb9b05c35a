/** One writer per process: WRITER DAY.db FILE ROWS. */
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import type { SchemaElement } from 'hyparquet'
import { EVERYTHING } from '../../src/frame/expression/selection.ts'
import type { Recording } from '../../src/frame/model/recording.ts'
import { ParquetFile } from '../../src/report/parquet/file/parquet-file.ts'
import { COLUMNS } from '../../src/report/parquet/parquet-tables.ts'
import { rowsOf, type Cell, type TableRows } from '../../src/report/parquet/table-columns.ts'
import type { ParquetColumn } from '../../src/report/parquet/table-file.ts'
import { batchesOf } from '../../src/report/parquet/tick-batches.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { openReadOnly, query } from '../../src/store/sqlite/database.ts'

const [writer, source, file, count] = process.argv.slice(2) as [string, string, string, string]
const columns = COLUMNS.traffic

function* batches(recording: Recording = openRecording(source)): Generator<TableRows> {
  const [first, last] = [recording.ticks[0]!.seq, recording.ticks.at(-1)!.seq]
  let rows = 0
  for (const { tables } of batchesOf(recording, [{ from: first, to: last + 1 }], EVERYTHING)) {
    yield tables.traffic
    rows += tables.traffic.count
    if (rows >= Number(count)) return
  }
}

const WRITERS: Readonly<Record<string, () => void | Promise<void>>> = {
  raw,
  columns: () => countRows(openRecording(source)),
  frames: () => countRows(Object.assign(openRecording(source), { columns: undefined })),
  upstreamtop,
  hyparquet,
  duckdb,
}
await WRITERS[writer]!()

/** What SQLite and its driver take for the stored rows alone. */
function raw(): void {
  const rows = query(openReadOnly(source), 'SELECT * FROM traffic LIMIT ?').iterate(Number(count))
  let cells = 0
  for (const row of rows) cells += row.length
  console.log(cells)
}

/** No writer: columns as they are stored, or made from frames. */
function countRows(recording: Recording): void {
  let rows = 0
  for (const batch of batches(recording)) rows += batch.count
  console.log(rows)
}

async function upstreamtop(): Promise<void> {
  const parquet = await ParquetFile.create(file, columns, {})
  for (const batch of batches()) await parquet.append(batch)
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
  let group: (readonly Cell[])[] = []
  const flush = async (): Promise<void> => {
    const columnData = columns.map(({ name, type }, i) => ({
      name,
      data: group.map((row) => (type === 'int64' || type === 'timestamp' ? big(row[i]!) : row[i]!)),
    }))
    await parquet.write({ columnData, rowGroupSize: group.length })
    group = []
  }
  for (const batch of batches())
    for (const row of rowsOf(batch)) if (group.push(row) === 50_000) await flush()
  if (group.length > 0) await flush()
  await parquet.finish()
}

function big(cell: Cell): bigint | null {
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
  }
}

/** SOURCE is our Parquet file: the time includes reading it, which is short. */
async function duckdb(): Promise<void> {
  const connection = await (await DuckDBInstance.create()).connect()
  await connection.run(
    `COPY (FROM read_parquet('${source}')) TO '${file}' (FORMAT parquet, COMPRESSION gzip, ROW_GROUP_SIZE 50000)`,
  )
}
