import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { sql } from '../report/duckdb.ts'
import { assertGolden } from '../golden.ts'
import { asShown, hiddenIn, renew, runPage } from './console.ts'

const root = join(import.meta.dirname, '../..')
const folders: string[] = []
after(() => {
  process.chdir(root)
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** Changes to a new folder with the fixtures at the paths that the pages use. */
function enterFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-docs-'))
  folders.push(folder)
  symlinkSync(join(root, 'fixtures'), join(folder, 'fixtures'))
  process.chdir(folder)
}

async function checkPage(name: string): Promise<void> {
  const path = join(root, 'docs', name)
  enterFolder()
  const sessions = await runPage(path)
  assert.notEqual(sessions.length, 0)
  const hidden = sessions.map(hiddenIn).join('')
  if (hidden !== '') assertGolden(`docs/${name.replace('.md', '.txt')}`, hidden)
  if (process.env.GOLDEN === 'renew') {
    renew(path, sessions)
    return
  }
  for (const session of sessions) assert.equal(session.expected, asShown(session), `$ ${session.command}`)
}

describe('the pages of docs/', () => {
  for (const name of ['postmortem.md', 'ci.md']) {
    it(`${name} shows what the commands print`, () => checkPage(name))
  }

  it('fleet.md shows what the commands print, and its SQL gives the numbers of report', async () => {
    await checkPage('fleet.md')
    const rows = await sql(readFileSync(join(root, 'docs/fleet.sql'), 'utf8'))
    const { runCommand } = await import('../cli/run-command.ts')
    const { stdout } = await runCommand([
      'report',
      'web1.db',
      'web2.db',
      'web3.db',
      '--by',
      'route',
      '--format',
      'ndjson',
    ])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const keys = {
      backend: 'backend',
      method: 'method',
      route: 'route',
      requests: 'requests',
      status_5xx: 'status_5xx',
      p50_ms: 'header_ms_p50',
      p99_ms: 'header_ms_p99',
    }
    const expected = lines.map((line) =>
      Object.fromEntries(Object.entries(keys).map(([name, field]) => [name, line[field]])),
    )
    assert.ok(rows.length > 10)
    assert.deepEqual(rows, expected)
  })
})
