/** At full speed no count is lost. `make bench-kernel` measures the cost. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertNothingLost, assertReconciles } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { inside, lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const CONNECTIONS = 64

describe('full speed', { skip: lacking('wrk') }, () => {
  let cable: Cable
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('at full speed every answer is counted and no event is dropped', async () => {
    const back = await startLabNginx(
      cable.far.namespace,
      'access_log off; server { listen 10.77.0.2:8800; keepalive_requests 100000000; return 200 "hello\\n"; }',
    )
    let words = ''
    const seen = await watch(cable.proxy.namespace, async () => {
      const wrk = ['wrk', '-t2', `-c${CONNECTIONS}`, '-d6s', 'http://10.77.0.2:8800/fast']
      words = await inside(cable.proxy.namespace, ...wrk)
    })
    await back.stop()
    const theirs = Number(/(\d+) requests in/.exec(words)?.[1])
    const { totals, loss } = seen.sum
    // wrk does not count the answers under way at its end: at most one per connection.
    assert.ok(
      totals.answered >= theirs && totals.answered <= theirs + CONNECTIONS,
      `${totals.answered}, wrk ${theirs}`,
    )
    assert.ok(totals.requests - totals.answered <= CONNECTIONS)
    assert.equal(loss.ringDropped, 0)
    assert.equal(totals.header.sampled, totals.header.count)
    assertNothingLost(seen)
    assertReconciles(seen)
  })
})
