/** The hostile files of the corpus: small, made from a recording of a few ticks. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { writeSample } from '../torture/sample.ts'
import { multiply } from './pages-editor.ts'

const FEW_TICKS = { secs: 5, rps: 20, backends: 2, routes: 4, requests: 3 }

/** By file name: the change that makes it hostile. */
const HOSTILE: Readonly<Record<string, (file: string) => void>> = {
  'hostile-view.db': (file) =>
    sql(
      file,
      `ALTER TABLE tick RENAME TO old;
       CREATE VIEW tick AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r)
         SELECT n AS seq, 1700000000000000 AS start, 1000000 AS length FROM r`,
    ),
  'hostile-trigger.db': (file) =>
    sql(file, 'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END'),
  'hostile-tree.db': (file) => multiply(file, 'traffic'),
  'hostile-far.db': (file) =>
    sql(file, 'UPDATE tick SET seq = 4000000000000000, start = 9000000000000000 WHERE seq = 4'),
  'hostile-words.db': (file) =>
    sql(
      file,
      `UPDATE meta SET value = char(27) || '[2J' || char(27) || ']0;PWNED' || char(7) || char(10) || 'upstreamtop: x'
         WHERE key IN ('host', 'time_zone', 'kernel', 'tool');
       INSERT OR REPLACE INTO meta VALUES ('lock', '{"boot":[],"pid":"; id","started":1}')`,
    ),
}

export function writeHostile(folder: string): void {
  for (const [name, damage] of Object.entries(HOSTILE)) {
    const file = join(folder, name)
    rmSync(file, { force: true })
    writeSample(file, FEW_TICKS)
    damage(file)
  }
}

function sql(file: string, statements: string): void {
  const database = new Sqlite(file)
  database.exec(statements)
  database.close()
}
