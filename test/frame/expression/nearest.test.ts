import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearestOf } from '../../../src/frame/expression/nearest.ts'

describe('the nearest known word', () => {
  const routes = ['/', '/checkout', '/api/orders', '/healthz']
  it('differs in a letter that is missing, added, changed, swapped or in capitals', () => {
    for (const word of ['/chekout', '/checkoutt', '/chockout', '/chekcout', '/Checkout', '/checkout/'])
      assert.equal(nearestOf(word, routes), '/checkout', word)
  })
  it('is a whole of which the word is a part', () => {
    assert.equal(nearestOf('10.0.1.12', ['10.0.1.10:8080', '10.0.1.12:8080']), '10.0.1.12:8080')
    assert.equal(nearestOf('orders', routes), '/api/orders')
  })
  it('is none if nothing is close', () => {
    assert.equal(nearestOf('/old', routes), null)
    assert.equal(nearestOf('/metrics', routes), null)
    assert.equal(nearestOf('/x', []), null)
  })
})
