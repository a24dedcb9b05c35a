/** `record … -- COMMAND` on the real helper: what the command asked last is in the recording. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { Cable } from './lab/network.ts'
import { lacking, ROOT, sh } from './lab/system.ts'

const MAIN = join(ROOT, 'dist/main.js')

describe('a command that is recorded', { skip: lacking() }, () => {
  let cable: Cable
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-around-'))
  before(async () => {
    cable = await Cable.create()
    await cable.far.call('listen', { address: '10.77.0.2', port: 9101 })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  for (const times of [1, 20])
    test(`${times} of its requests are counted, though it ends at once after the last answer`, async () => {
      const file = join(folder, `${times}.db`)
      const script = `for (let i = 0; i < ${times}; i++) await (await fetch('http://10.77.0.2:9101/last')).text(); process.exit(7)`
      const command = [process.execPath, '--input-type=module', '-e', script]
      const words = [MAIN, 'record', '--out', file, '--', ...command]
      const { status, stderr } = spawnSync(
        'ip',
        ['netns', 'exec', cable.proxy.namespace, process.execPath, ...words],
        { encoding: 'utf8', env: { ...process.env, SUDO_UID: '' } },
      )
      assert.equal(status, 7, stderr)
      const report = await sh(process.execPath, MAIN, 'report', file, '--format', 'json')
      const { totals, recording } = JSON.parse(report) as ReportDocument
      assert.deepEqual([totals.requests, totals.answered, recording[0]!.complete], [times, times, true])
    })
})
