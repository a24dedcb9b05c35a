/** Creates an empty recording with mode 0640 (less the umask). An existing file is never overwritten. */
import { closeSync, openSync } from 'node:fs'
import { usageError } from '../../errors.ts'
import { refuseLeftovers, refuseLongName } from '../file/side-files.ts'
import { newMeta, setMeta, type RecordingMeta } from '../format/meta.ts'
import { APPLICATION_ID, FORMAT, SCHEMA, UNFINISHED_ID } from '../format/schema.ts'
import { openWritable, type Database } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'
import { noRoom } from './write-error.ts'

/** O_EXCL follows no link. @throws UserError (exit 2) if the file exists or cannot be created */
export function createFile(file: string): void {
  try {
    refuseLongName(file)
    refuseLeftovers(file)
    closeSync(openSync(file, 'wx', 0o640))
  } catch (error) {
    throw cannotCreate(file, error)
  }
}

/** Writes the schema into a file of `createFile`. @param durable false: the file is marked as unfinished until it is complete */
export function createSchema(file: string, meta: RecordingMeta, durable: boolean): Database {
  const database = openWritable(file)
  try {
    writeSchema(database, meta, durable)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function writeSchema(database: Database, meta: RecordingMeta, durable: boolean): void {
  database.pragma(`page_size = ${PAGE_SIZE}`)
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma(`application_id = ${durable ? APPLICATION_ID : UNFINISHED_ID}`)
  database.pragma(`user_version = ${meta.format ?? FORMAT}`)
  database.transaction(() => {
    database.exec(SCHEMA)
    for (const [key, value] of Object.entries(newMeta(meta))) setMeta(database, key, value)
  })()
}

function cannotCreate(file: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return noRoom(file)
    case 'EEXIST':
      return usageError(`"${file}" exists already and is never overwritten`, 'Choose another name.')
    case 'ENOENT':
      return usageError(`the folder of "${file}" does not exist`, 'Make it first.')
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return usageError(`"${file}" may not be written here`, 'Choose a folder in which you may write.')
    case 'ENAMETOOLONG':
    case 'ENOTDIR':
    case 'EISDIR':
      return usageError(`"${file}" is not the name of a file`, 'Name a file, for example incident.db.')
    default:
      return error
  }
}
