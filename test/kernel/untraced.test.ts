/** Without tracing programs the recorder still works, every count is exact, and it reports what it cannot recognise. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { sandboxRefusing } from './lab/refuse.ts'
import { inside, lacking, PROBE, ROOT, sh, unlessLong } from './lab/system.ts'
import { startHelper } from './lab/watch.ts'

const [FAR, NOWHERE, PORT] = ['10.77.0.2', '10.77.0.99', 8950]
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const REFUSED = /retries after a connect timeout .*upstreamtop_(states|fork|tasks).*: Operation not permitted/

describe('without tracing programs', { skip: lacking('gcc') }, () => {
  let cable: Cable
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-untraced-'))
  before(async () => {
    cable = await Cable.create()
    const { namespace } = cable.proxy
    await sh('ip', '-n', namespace, 'neigh', 'replace', NOWHERE, 'lladdr', '02:00:00:00:00:99', 'dev', 'leg')
    await cable.far.call('listen', {
      address: FAR,
      port: PORT,
      rules: { '/reset': { steps: [{ end: 'rst' }] } },
    })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  for (const what of ['load', 'attach'] as const)
    test(
      `a tracing program that does not ${what} is reported as missing, and the counts are exact`,
      { skip: what === 'attach' && unlessLong },
      async () => {
        const nginx = await startLabNginx(
          cable.proxy.namespace,
          `upstream dead { server ${NOWHERE}:${PORT} max_fails=0; server ${FAR}:${PORT} max_fails=0; }
         upstream shut { server ${FAR}:9 max_fails=0; server ${FAR}:${PORT} max_fails=0; }
         server { listen 127.0.0.1:8080; proxy_connect_timeout 300ms; location / { proxy_pass http://${FAR}:${PORT}; }
           location /dead { proxy_pass http://dead; } location /shut { proxy_pass http://shut; } }`,
        )
        const [sandbox, word] = await sandboxRefusing(what)
        const helper = await startHelper(cable.proxy.namespace, [word, PROBE], sandbox)
        const ask = { address: '127.0.0.1', port: 8080, times: 12 }
        for (const path of ['/fine', '/reset', '/dead', '/shut'])
          await cable.proxy.call('ask', { ...ask, requests: [get(path)] })
        await sleep(4500)
        const seen = await helper.stop()
        const attempts = nginx.attempts()
        await nginx.stop()
        const at = (backend: string): number =>
          attempts.filter((attempt) => attempt.backend === backend).length

        assert.deepEqual(
          helper.hello.unseen?.map(({ what }) => REFUSED.test(what)),
          [true],
          JSON.stringify(helper.hello.unseen),
        )
        assert.deepEqual(rowsOf(seen), {
          [`${FAR}:${PORT} GET /dead`]: { requests: 12, codes: { 200: 12 } },
          [`${FAR}:${PORT} GET /fine`]: { requests: 12, codes: { 200: 12 } },
          [`${FAR}:${PORT} GET /reset`]: { requests: 12, codes: {} },
          [`${FAR}:${PORT} GET /shut`]: { requests: 12, codes: { 200: 12 } },
        })
        assert.deepEqual(failuresOf(seen), { [`${FAR}:${PORT} GET /reset`]: { reset: 12 } })
        assert.ok(at(`${NOWHERE}:${PORT}`) > 2 && at(`${FAR}:9`) > 2)
        assert.equal(seen.sum.totals.connection.connectTimeout, at(`${NOWHERE}:${PORT}`))
        assert.equal(seen.sum.totals.connection.refused, at(`${FAR}:9`))
        assert.ok(seen.sum.totals.retries <= at(`${FAR}:9`), 'no retry after a connect timeout is invented')
        assertReconciles(seen)
      },
    )

  test('record reports it at its start, and doctor has a line with a remedy', async () => {
    const [sandbox, word] = await sandboxRefusing('attach')
    const program = [sandbox, word, process.execPath, join(ROOT, 'dist/main.js')].join(' ')
    const file = join(folder, 'untraced.db')
    const shell = (script: string): Promise<string> => inside(cable.proxy.namespace, 'sh', '-c', script)
    const talk = await shell(`${program} record --secs 1 --out ${file} 2>&1`)
    assert.match(talk, REFUSED)
    assert.match(talk, /^recording /m)
    const diagnosis = JSON.parse(await shell(`${program} doctor --format json --secs 0`)) as {
      readonly records: boolean
      readonly checks: readonly { check: string; state: string; what: string; remedy: string | null }[]
    }
    assert.equal(diagnosis.records, true)
    const line = diagnosis.checks.find(({ what }) => REFUSED.test(what))
    assert.deepEqual([line?.check, line?.state], ['programs', 'warning'])
    assert.match(line?.remedy ?? '', /tracing programs/)
  })
})
