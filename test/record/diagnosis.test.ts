import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diagnose, wouldRecord, type Facts } from '../../src/record/diagnosis.ts'

const HEALTHY: Facts = {
  kernel: '6.18.4',
  tcx: true,
  btf: true,
  rights_missing: [],
  ptrace: true,
  load: null,
  interfaces: [{ name: 'eth0', up: true, readable: true, ingress: [], egress: [] }],
  nginx: { found: true, unreadable: false, front_doors: [80, 8080], invisible: [], warning: '' },
}
const linesFor = (facts: Partial<Facts>): string[] =>
  diagnose({ ...HEALTHY, ...facts }, null).map(({ state, what }) => `${state}: ${what}`)

test('a machine where recording works has no failed line, and names the front doors', () => {
  const checks = diagnose(HEALTHY, { seconds: 2, requests: 10, halfSeen: 0, routed: 0, opaque: 0 })
  assert.deepEqual([...new Set(checks.map(({ state }) => state))], ['ok'])
  assert.ok(wouldRecord(checks))
  assert.match(checks.map(({ what }) => what).join('\n'), /front door: 80, 8080/)
})

test('an old kernel, missing types, rights and refused programs each keep it from recording, with a remedy', () => {
  const wrongs: Partial<Facts>[] = [
    { tcx: false, kernel: '5.15.0' },
    { btf: false },
    { rights_missing: ['CAP_BPF'] },
    { load: 'R4 is not a scalar' },
    { interfaces: [] },
  ]
  for (const wrong of wrongs) {
    const checks = diagnose({ ...HEALTHY, ...wrong }, null)
    assert.equal(wouldRecord(checks), false, JSON.stringify(wrong))
    for (const { state, remedy } of checks) assert.equal(state === 'ok', remedy === null)
  }
})

test('every warning and failure says what helps', () => {
  const checks = diagnose(
    {
      ...HEALTHY,
      ptrace: false,
      interfaces: [
        ...HEALTHY.interfaces,
        { name: 'ib0', up: true, readable: false, ingress: null, egress: null },
        { name: 'odd', up: true, readable: true, ingress: null, egress: null, error: 'no such device' },
      ],
      nginx: { ...HEALTHY.nginx, invisible: ['unix:/run/app.sock', 'https://10.0.0.1'] },
    },
    { seconds: 2, requests: 0, halfSeen: 3, routed: 40, opaque: 5 },
  )
  for (const { state, remedy } of checks) assert.equal(state === 'ok', remedy === null)
  assert.ok(wouldRecord(checks))
})

test('who else is on a hook is named in the order in which they run', () => {
  const ingress = [
    { id: 7, name: 'cil_from' },
    { id: 9, name: '' },
  ]
  const lines = linesFor({ interfaces: [{ name: 'eth0', up: true, readable: true, ingress, egress: [] }] })
  assert.ok(lines.some((line) => line.includes('eth0: ingress: cil_from (id 7), then program (id 9)')))
})

test('rights that are missing are not also reported as programs that do not load', () => {
  assert.ok(
    !linesFor({ rights_missing: ['CAP_BPF'], load: 'EPERM' }).some((line) => line.includes('do not load')),
  )
})
