/** What hello says of TLS comes from a process that may be hostile, older or newer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TlsReading } from '../../src/frame/model/tls.ts'
import { lineOf } from '../../src/record/wire-shape.ts'
import { hello } from './wire-lines.ts'

const NGINX = { path: '/usr/sbin/nginx', processes: 3, read: true, probe: 'emulated', why: '' } as const
const READING: TlsReading = { forced: false, entry_ns: 450, return_ns: 480, programs: [NGINX] }

/** null: the line is refused; undefined: it says nothing of TLS */
function tlsIn(tls: unknown): TlsReading | null | undefined {
  const line = lineOf(JSON.stringify({ ...hello, tls }))
  if (line === null) return null
  assert.ok(line.type === 'hello')
  return line.tls
}
const programIn = (changes: object): TlsReading['programs'][number] | null =>
  tlsIn({ ...READING, programs: [{ ...NGINX, ...changes }] })?.programs[0] ?? null

test('it is taken as it is, and absent without --tls', () => {
  assert.deepEqual(tlsIn(READING), READING)
  assert.equal(tlsIn(undefined), undefined)
})

test('what a helper does not say is unknown', () => {
  assert.deepEqual(tlsIn({}), { forced: false, entry_ns: null, return_ns: null, programs: [] })
  assert.deepEqual(programIn({ processes: undefined, probe: undefined, why: undefined }), {
    ...NGINX,
    processes: 0,
    probe: null,
  })
})

test('a class of probes that a newer helper knows is unknown here, and what else it says is left out', () => {
  assert.equal(programIn({ probe: 'optimised' })?.probe, null)
  assert.deepEqual(tlsIn({ ...READING, later: 1 }), READING)
})

test('a wrong type or range refuses the line, as that of any field of hello does', () => {
  for (const tls of [null, 1, 'yes', [], [READING]]) assert.equal(tlsIn(tls), null)
  for (const wrong of [
    { forced: 1 },
    ...['entry_ns', 'return_ns'].flatMap((name) =>
      [-1, 0.5, '450', 2 ** 53, true].map((value) => ({ [name]: value })),
    ),
    ...[null, {}, 'x', [null], [{}], [1]].map((programs) => ({ programs })),
  ])
    assert.equal(tlsIn({ ...READING, ...wrong }), null, JSON.stringify(wrong))
  for (const wrong of [
    { path: undefined },
    { path: '' },
    { path: 7 },
    { processes: -1 },
    { processes: 1.5 },
    { read: undefined },
    { read: 'true' },
    { why: 7 },
  ])
    assert.equal(programIn(wrong), null, JSON.stringify(wrong))
})

test('long lists and texts are cut, and text stays well-formed', () => {
  const many = tlsIn({ ...READING, programs: new Array<unknown>(10_000).fill(NGINX) })
  assert.equal(many?.programs.length, 100)
  const long = programIn({ path: 'x'.repeat(1e6), why: 'y'.repeat(1e6) })
  assert.deepEqual([long?.path.length, long?.why.length], [4096, 4096])
  assert.equal(programIn({ path: '/\ud800' })?.path, '/\ufffd')
})
