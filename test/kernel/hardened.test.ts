/** The helper is built so that a mistake in it is hard to use: what its file says of itself. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lacking, PROBE, sh } from './lab/system.ts'

describe('the helper as it is built', { skip: lacking('readelf', 'objdump') }, () => {
  const read = (...options: readonly string[]): Promise<string> => sh('readelf', ...options, PROBE)

  test('lies at an address that nobody knows beforehand', async () => {
    assert.match(await read('-hW'), /Type: +DYN /)
    assert.match(await read('-dW'), /\(FLAGS_1\) .*\bPIE\b/)
  })

  test('has its tables of addresses filled and closed before it runs', async () => {
    assert.match(await read('-lW'), /GNU_RELRO/)
    assert.match(await read('-dW'), /\(FLAGS\) .*\bBIND_NOW\b/)
  })

  test('has no memory that can be written and run', async () => {
    const segments = await read('-lW')
    assert.match(segments, /GNU_STACK .* RW +0x/)
    assert.doesNotMatch(segments, /(LOAD|GNU_STACK) .* RWE /)
  })

  test('notices a stack that was overrun, and a copy that would overrun', async () => {
    // Not by the symbols of the whole: the libraries that are linked in have them anyway.
    const code = await sh('objdump', '-d', '--disassemble=put_hello', PROBE)
    for (const name of ['__stack_chk_fail', '__snprintf_chk']) assert.ok(code.includes(name), name)
  })

  test(
    'can be entered by pointer only at the start of a function',
    { skip: process.arch !== 'x64' },
    async () => {
      const code = await sh('objdump', '-d', '--no-show-raw-insn', '--disassemble=fold_event', PROBE)
      assert.match(code, /<fold_event>:\n.*endbr64/)
    },
  )
})
