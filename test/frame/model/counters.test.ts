import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { generated } from '../../../scripts/generate-counters.ts'
import { CONNECTION, CONTROL, EXCLUDED, LOSS, ROUTE } from '../../../src/frame/model/counters.ts'

test('the files generated from the counter declarations are up to date', async () => {
  for (const [path, text] of await generated()) {
    const found = readFileSync(join(import.meta.dirname, '../../..', path), 'utf8')
    assert.equal(found, text, `${path} is stale: run make counters`)
  }
})

test('no list of counters has a name twice', () => {
  for (const list of [ROUTE, CONNECTION, LOSS, EXCLUDED, CONTROL]) {
    const names = list.map(({ name }) => name)
    assert.deepEqual(names, [...new Set(names)])
  }
})
