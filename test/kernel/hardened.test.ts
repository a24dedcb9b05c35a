/** How the helper's executable is linked. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lacking, PROBE, sh } from './lab/system.ts'

describe('the built helper', { skip: lacking('readelf', 'objdump') }, () => {
  const read = (...options: readonly string[]): Promise<string> => sh('readelf', ...options, PROBE)

  test('is position-independent', async () => {
    assert.match(await read('-hW'), /Type: +DYN /)
    assert.match(await read('-dW'), /\(FLAGS_1\) .*\bPIE\b/)
  })

  test('needs no library of the machine that it runs on, and has no debug data', async () => {
    assert.doesNotMatch(await read('-lW'), /INTERP/)
    assert.doesNotMatch(await read('-dW'), /NEEDED/)
    assert.doesNotMatch(await read('-SW'), /\.debug_/)
  })

  test('has its relocations resolved and read-only before it runs', async () => {
    assert.match(await read('-lW'), /GNU_RELRO/)
    assert.match(await read('-dW'), /\(FLAGS\) .*\bBIND_NOW\b/)
  })

  test('has no memory that is writable and executable', async () => {
    const segments = await read('-lW')
    assert.match(segments, /GNU_STACK .* RW +0x/)
    assert.doesNotMatch(segments, /(LOAD|GNU_STACK) .* RWE /)
  })

  test('detects stack overflows and overlong copies', async () => {
    // In one function: the linked libraries have these symbols anyway.
    const code = await sh('objdump', '-d', '--disassemble=put_hello', PROBE)
    for (const name of ['__stack_chk_fail', '__snprintf_chk']) assert.ok(code.includes(name), name)
  })

  test(
    'has indirect branch targets only at the start of functions',
    { skip: process.arch !== 'x64' },
    async () => {
      const code = await sh('objdump', '-d', '--no-show-raw-insn', '--disassemble=fold_event', PROBE)
      assert.match(code, /<fold_event>:\n.*endbr64/)
    },
  )
})
