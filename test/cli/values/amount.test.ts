import assert from 'node:assert/strict'
import { it } from 'node:test'
import { size } from '../../../src/cli/values/amount.ts'

it('a size is in powers of ten, and of 1024 where its unit says so', () => {
  const of = size('--max-size')
  const sizes = { '500MB': 5e8, '500M': 5e8, '1.5gb': 1.5e9, '64 kB': 64_000, 4096: 4096, '12b': 12 }
  const binary = { '500MiB': 500 * 2 ** 20, '1GiB': 2 ** 30, '1 kib': 1024 }
  for (const [text, bytes] of Object.entries({ ...sizes, ...binary })) assert.equal(of(text), bytes, text)
  for (const text of ['', '5Mi', '5iB', '-1MB', '1e9', '5 MBB'])
    assert.throws(() => of(text), /--max-size ".*" is no size/, text)
})
