/** What docs/fleet.md says of a cluster, typed as it stands there: only the servers' addresses are others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { runCommand } from '../cli/run-command.ts'
import { runPage } from '../docs/console.ts'
import { Cluster, WITHOUT_SERVER } from './cluster.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = join(ROOT, 'docs/fleet.md')
const run = promisify(execFile)

describe('the cluster of docs/fleet.md', { skip: WITHOUT_SERVER }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-fleet-docs-'))
  let cluster: Cluster
  before(async () => {
    cluster = await Cluster.start(join(folder, 'servers'), 3)
    symlinkSync(join(ROOT, 'contrib'), join(folder, 'contrib'))
    process.chdir(folder)
    await runPage(PAGE)
  })
  after(async () => {
    process.chdir(ROOT)
    await (cluster as Cluster | undefined)?.stop()
    rmSync(folder, { recursive: true })
  })

  it('is made, loaded and asked by its commands', async () => {
    const [create = '', load = '', query = '', ...others] = commandsOf('A cluster')
    assert.deepEqual(others, [])
    assert.equal((await typed(create)).split('\n').length - 1, 3)
    const loaded = await typed(load)
    assert.equal(loaded.match(/^loaded: host web[123], /gm)?.length, 3, loaded)
    const rows = (await typed(query)).trimEnd().split('\n')
    const { stdout } = await runCommand(
      'report web1.db web2.db web3.db --from 2026-11-22T14:00:00Z --to 2026-11-22T14:10:00Z --by route --format csv'.split(
        ' ',
      ),
    )
    assert.equal(rows.length, stdout.trimEnd().split('\n').length - 1)
  })

  /** The indented lines of a section. */
  const commandsOf = (title: string): string[] =>
    (
      readFileSync(PAGE, 'utf8')
        .split(`\n## ${title}\n`)[1]!
        .split('\n## ')[0]!
        .match(/^ {4}\S.*$/gm) ?? []
    ).map((line) => line.trim())

  async function typed(command: string): Promise<string> {
    const words = command.replace(/http:\/\/ch(\d):8123/g, (_, i: string) => cluster.urls[Number(i) - 1]!)
    const { stdout } = await run('bash', ['-c', `set -o pipefail; ${words}`])
    return stdout
  }
})
