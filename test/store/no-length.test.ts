/** A tick that lasts no time would make every rate infinite. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { runCommand } from '../cli/run-command.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { withFolder } from '../torture/kit.ts'
import { changed, readAll, SAMPLE } from './hostile-kit.ts'

/** With checksums that fit: only the length itself tells. */
function sealed(file: string): void {
  const database = new Sqlite(file)
  fixChecksums(database)
  database.close()
}

test('a tick without length is damage: the others are read, and a report has no infinite rate', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    changed(file, 'UPDATE tick SET length = 0 WHERE seq IN (65, 69)')
    sealed(file)
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
