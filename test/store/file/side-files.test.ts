/** The side files of a recording are applied like SQLite does: SQLite's own recovery is the oracle. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { withImage } from '../../../src/store/file/image.ts'
import { journalPatch } from '../../../src/store/file/rollback.ts'
import { walPatch } from '../../../src/store/file/wal.ts'
import { inFolder } from '../support.ts'

const PAGE = 4096

/** The content of the database, as text. */
function contentOf(database: Sqlite.Database): string {
  const tables = ['a', 'b'].map((table) => database.prepare(`SELECT rowid, * FROM ${table}`).raw().all())
  const text = JSON.stringify([tables, database.pragma('integrity_check', { simple: true })])
  database.close()
  return text
}

/** The content after SQLite's recovery of a copy. */
function recovered(folder: string, file: string, ending: string): string {
  const copy = join(folder, 'oracle.db')
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(copy + end, { force: true })
  copyFileSync(file, copy)
  copyFileSync(file + ending, copy + ending)
  return contentOf(new Sqlite(copy))
}

/** Leaves the side files of a killed process. */
function killed(file: string, script: string): void {
  const begin = `const database = new (require('better-sqlite3'))(process.argv[1])\n`
  spawnSync(process.execPath, ['-e', `${begin}${script}\nprocess.kill(process.pid, 'SIGKILL')`, file])
}

function makeFile(file: string): void {
  const database = new Sqlite(file)
  database.pragma(`page_size = ${PAGE}`)
  database.exec('CREATE TABLE a (x); CREATE TABLE b (y)')
  const insert = database.prepare('INSERT INTO a VALUES (?)')
  for (let i = 0; i < 400; i++) insert.run('x'.repeat(i % 97))
  database.close()
}

const damage = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.boolean() })

/** Truncates the file or changes one byte. */
function corrupt(path: string, { at, cut }: { readonly at: number; readonly cut: boolean }): void {
  const bytes = readFileSync(path)
  const place = Math.min(bytes.length - 1, Math.floor(at * bytes.length))
  if (cut) truncateSync(path, place)
  else writeFileSync(path, bytes.fill(bytes[place]! ^ 0x10, place, place + 1))
}

test('a -wal gives the same pages as SQLite: whole, truncated, or with a flipped bit', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    makeFile(file)
    killed(
      file,
      `database.pragma('journal_mode = WAL'); database.pragma('wal_autocheckpoint = 0')
       for (let i = 0; i < 12; i++) {
         database.exec("INSERT INTO b VALUES ('" + 'y'.repeat(i * 300) + "'); UPDATE a SET x = x || " + i + " WHERE rowid % 7 = " + i % 7)
         if (i === 5) database.pragma('wal_checkpoint(PASSIVE)')
       }
       database.exec('DELETE FROM a WHERE rowid > 100; VACUUM')`,
    )
    const wal = readFileSync(`${file}-wal`)
    const ours = (): string =>
      withImage(file, walPatch(`${file}-wal`, PAGE, readFileSync(file).length / PAGE), (image) =>
        contentOf(new Sqlite(image as Buffer)),
      )
    assert.equal(ours(), recovered(folder, file, '-wal'))
    fc.assert(
      fc.property(damage, (how) => {
        writeFileSync(`${file}-wal`, wal)
        corrupt(`${file}-wal`, how)
        assert.equal(ours(), recovered(folder, file, '-wal'))
      }),
      { numRuns: 60 },
    )
  })
})

test('a -journal gives the same pages as SQLite: whole, truncated, or with a flipped bit', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    makeFile(file)
    killed(
      file,
      `database.pragma('cache_size = 3')
       database.exec("BEGIN; UPDATE a SET x = 'changed' || x")
       for (let i = 0; i < 40; i++) database.exec("INSERT INTO b VALUES ('" + 'z'.repeat(3000) + "'); UPDATE a SET x = x || 'again' WHERE rowid % 9 = " + i % 9)`,
    )
    const journal = readFileSync(`${file}-journal`)
    const ours = (): string =>
      withImage(file, journalPatch(`${file}-journal`, PAGE, readFileSync(file).length / PAGE), (image) =>
        contentOf(new Sqlite(image as Buffer)),
      )
    assert.equal(ours(), recovered(folder, file, '-journal'))
    const sector = journal.readUInt32BE(20)
    // Header: count, nonce, sizes. Second record: page number, summed content, checksum.
    const second = sector + 4 + PAGE + 4
    for (const place of [0, 9, 13, 18, 22, 26, second + 2, second + 4 + PAGE - 200, second + 4 + PAGE + 3]) {
      writeFileSync(`${file}-journal`, journal)
      corrupt(`${file}-journal`, { at: place / journal.length, cut: false })
      assert.equal(
        outcome(ours),
        outcome(() => recovered(folder, file, '-journal')),
        `byte ${place}`,
      )
    }
    fc.assert(
      fc.property(damage, (how) => {
        writeFileSync(`${file}-journal`, journal)
        corrupt(`${file}-journal`, how)
        assert.equal(
          outcome(ours),
          outcome(() => recovered(folder, file, '-journal')),
        )
      }),
      { numRuns: 60 },
    )
  })
})

/** A partly rolled back file may be unreadable, for SQLite as for us. */
function outcome(read: () => string): string {
  try {
    const text = read()
    return text.endsWith('"ok"]') ? text : 'damaged'
  } catch {
    return 'damaged'
  }
}
