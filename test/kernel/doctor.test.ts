/** doctor on a real host: it finds what the test has put there. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Check } from '../../src/record/diagnosis.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking, ROOT } from './lab/system.ts'
import { unreadableByNobody } from '../unprivileged.ts'
import { attachedTo, attachTcxProgram } from './lab/impairments.ts'

interface Diagnosis {
  readonly records: boolean
  readonly checks: readonly Check[]
}

describe('doctor', { skip: lacking('clang', 'gcc', 'setpriv') }, () => {
  let cable: Cable
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('reports front doors, upstreams that cannot be seen, and other programs on a hook; nothing stays attached', async () => {
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream sockets { server unix:/tmp/nobody.sock; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://10.77.0.2:9; }
         location /socket { proxy_pass http://sockets; } location /tls { proxy_pass https://10.77.0.2:10; } }`,
    )
    const other = await attachTcxProgram(cable.proxy.namespace, 'leg', 'ingress', 1_000_000)
    const { status, diagnosis } = doctor()
    await other.stop()
    await nginx.stop()
    assert.equal(status, 0)
    assert.equal(diagnosis.records, true)
    const lines = diagnosis.checks.map(({ state, check, what }) => `${state} ${check}: ${what}`)
    const said = (pattern: RegExp): void => {
      assert.ok(
        lines.some((line) => pattern.test(line)),
        `${String(pattern)} in\n${lines.join('\n')}`,
      )
    }
    said(/^ok nginx: front door: 8080/)
    said(/^warning nginx: upstream ".*unix:\/tmp\/nobody\.sock.*" cannot be seen/)
    said(/^warning nginx: upstream ".*https:\/\/10\.77\.0\.2:10" cannot be seen/)
    said(/^ok interface: leg( \(.*\))?: ingress: drop \(id \d+\)/)
    said(/^ok programs: load and attach/)
    assert.deepEqual(await attachedTo(cable.proxy.namespace, 'leg'), [0, 0])
  })

  const skip = unreadableByNobody()
  test('without rights it names the missing ones and exits with 4', { skip }, () => {
    const { status, diagnosis } = doctor('setpriv', '--reuid=65534', '--clear-groups', '--bounding-set=-all')
    assert.equal(status, 4)
    assert.equal(diagnosis.records, false)
    const failed = diagnosis.checks.filter(({ state }) => state === 'failed')
    assert.deepEqual(
      failed.map(({ check }) => check),
      ['rights'],
    )
    assert.match(failed[0]?.what ?? '', /CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON/)
  })

  function doctor(...before: readonly string[]): { status: number | null; diagnosis: Diagnosis } {
    const program = [
      process.execPath,
      join(ROOT, 'dist/main.js'),
      'doctor',
      '--format',
      'json',
      '--secs',
      '0.5',
    ]
    const { status, stdout } = spawnSync(
      'ip',
      ['netns', 'exec', cable.proxy.namespace, ...before, ...program],
      { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` } },
    )
    return { status, diagnosis: JSON.parse(stdout) as Diagnosis }
  }
})
