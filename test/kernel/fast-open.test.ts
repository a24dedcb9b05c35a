/** A request that rides in the SYN (TCP Fast Open) is counted once, whether the backend takes it from there or has it sent again. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertNothingLost, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { inside, lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const CLIENT = fileURLToPath(new URL('lab/fastopen.py', import.meta.url))
// Linux: net.ipv4.tcp_fastopen, bits of client and server; without a cookie, and for every listener.
const ASKS = 0x1 + 0x4
const TAKES = 0x2 + 0x200 + 0x400

describe('data in the SYN', { skip: lacking('python3') }, () => {
  let cable: Cable
  let port = 8600
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  for (const [family, address] of [
    ['IPv4', '10.77.0.2'],
    ['IPv6', 'fd77::2'],
  ] as const)
    for (const isTaken of [true, false])
      test(`is a request, ${isTaken ? 'taken at once' : 'and sent again when it is not taken'} (${family})`, async () => {
        port++
        await inside(cable.proxy.namespace, 'sysctl', '-qw', `net.ipv4.tcp_fastopen=${ASKS}`)
        await inside(cable.far.namespace, 'sysctl', '-qw', `net.ipv4.tcp_fastopen=${isTaken ? TAKES : 0}`)
        await cable.far.call('listen', { address, port })
        let answered = ''
        const seen = await watch(cable.proxy.namespace, async () => {
          answered = await inside(cable.proxy.namespace, 'python3', CLIENT, address, String(port), '10')
        })
        assert.equal(Number(answered), 20)
        const name = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
        assert.deepEqual(rowsOf(seen), {
          [`${name} GET /first`]: { requests: 10, codes: { 200: 10 } },
          [`${name} GET /second`]: { requests: 10, codes: { 200: 10 } },
        })
        assert.deepEqual(failuresOf(seen), {})
        const { totals } = seen.sum
        assert.equal(totals.connection.connects, 10)
        assert.equal(totals.retransmits + totals.connection.retransmits, isTaken ? 0 : 10)
        assertNothingLost(seen)
        assertReconciles(seen)
      })
})
