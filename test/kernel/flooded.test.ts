/** Whoever asks through nginx, or beside it, takes neither its names nor the room of its rows. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('floods', { skip: lacking('python3', 'setpriv') }, () => {
  let cable: Cable
  let port = 8900
  before(async () => (cable = await Cable.lay()))
  after(() => cable.remove())

  test('a path made to look like another one gets a row of its own', async () => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; location / { proxy_pass http://${FAR}:${port}; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const path of ['/api/v1/users/list', twinOf('/api/v1/users/list')].reverse())
        await cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(path)], times: 20 })
    })
    const attempts = nginx.attempts()
    await nginx.stop()
    assert.deepEqual(rowsOf(seen), {
      [`${FAR}:${port} GET /api/v1/users/list`]: { requests: 20, codes: { 200: 20 } },
      [`${FAR}:${port} GET /ap\\xE9/v1\\xAFuse\\xF2s/list`]: { requests: 20, codes: { 200: 20 } },
    })
    assert.equal(attempts.length, 40)
  })
})

/** The top bits of bytes 7, 11 and 15 of the line cancelled each other out in the hash of a line, whatever its seed. */
function twinOf(path: string): string {
  const flipped = [7, 11, 15].map((at) => at - 'GET '.length)
  return [...path].map((c, i) => (flipped.includes(i) ? String.fromCharCode(c.charCodeAt(0) ^ 0x80) : c)).join('')
}
