/** A tick of length 0 would make every rate infinite. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { runCommand } from '../cli/run-command.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { withFolder } from '../torture/kit.ts'
import { changed, readAll, SAMPLE } from './hostile-kit.ts'

/** With valid checksums: only the length is wrong. */
function updateChecksums(file: string): void {
  const database = new Sqlite(file)
  fixChecksums(database)
  database.close()
}

test('a tick of length 0 is damage: the others are read, and no rate in a report is infinite', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    changed(file, 'UPDATE tick SET length = 0 WHERE seq IN (65, 69)')
    updateChecksums(file)
    const { ticks, damage } = readAll(file)
    assert.equal(ticks, SAMPLE.secs - 2)
    assert.ok(damage.length > 0)
    for (const words of [['report'], ['report', '--format', 'json'], ['check']]) {
      const { code, stdout, stderr } = await runCommand([words[0]!, file, ...words.slice(1)])
      assert.ok(code !== 1, stderr)
      assert.doesNotMatch(stdout, /Infinity|∞/)
    }
  })
})
