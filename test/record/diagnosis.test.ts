import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  diagnose,
  trafficChecks,
  unseenChecks,
  wouldRecord,
  type Facts,
} from '../../src/record/doctor/diagnosis.ts'
import { NO_UPSTREAMS } from '../../src/record/doctor/upstream-checks.ts'

const HEALTHY: Facts = {
  kernel: '6.18.4',
  tcx: true,
  btf: true,
  rights: { missing: '', ptrace: true },
  interfaces: [{ name: 'eth0', up: true, readable: true, ingress: [], egress: [] }],
  nginx: 'known',
  front_doors: [80, 8080],
  ...NO_UPSTREAMS,
}
const BY_GROUP = {
  way: 'cgroup',
  why: 'Linux 6.1 has no tcx, which came with 6.6',
  missing: '',
  remedy: '',
} as const
const linesFor = (facts: Partial<Facts>): string[] =>
  diagnose({ ...HEALTHY, ...facts }).map(({ state, what }) => `${state}: ${what}`)

test('a machine that can record has no failed check, and its front doors are named', () => {
  const look = { seconds: 2, requests: 10, halfSeen: 0, routed: 0, opaque: 0, readsTls: false }
  const checks = [...diagnose(HEALTHY), ...trafficChecks(look)]
  assert.deepEqual([...new Set(checks.map(({ state }) => state))], ['ok'])
  assert.ok(wouldRecord(checks))
  assert.match(checks.map(({ what }) => what).join('\n'), /front door: 80, 8080/)
})

test('a kernel without tcx records by control group, and the reason is said; interfaces do not matter then', () => {
  const facts: Facts = { ...HEALTHY, kernel: '6.1.0-37-amd64', tcx: false, interfaces: [], attach: BY_GROUP }
  assert.ok(wouldRecord(diagnose(facts)))
  assert.deepEqual(linesFor(facts).slice(0, 3), [
    'ok: Linux 6.1.0-37-amd64',
    'ok: by control group, to sockets of all network namespaces: Linux 6.1 has no tcx, which came with 6.6',
    'ok: the kernel describes its types (/sys/kernel/btf/vmlinux)',
  ])
  assert.ok(!diagnose(facts).some(({ check }) => check === 'interface'))
})

test('with tcx it is said that the kernel has it', () => {
  const attach = { way: 'tcx', why: 'Linux 6.18.4 has it', missing: '', remedy: '' } as const
  assert.ok(linesFor({ attach }).includes('ok: tcx, to interfaces: Linux 6.18.4 has it'))
})

test('a kernel older than those that were tried is a warning', () => {
  const lines = linesFor({ kernel: '5.19.0', tcx: false, tried: false, attach: BY_GROUP })
  assert.equal(lines[0], 'warning: Linux 5.19.0: the oldest on which it was tried is 6.1')
})

test('the binary and the pid of each nginx master are named, whatever the binary is called', () => {
  const masters = [
    { pid: 7, program: '/opt/edge' },
    { pid: 9, program: '/usr/sbin/nginx' },
  ]
  const said = ' of /opt/edge (pid 7), /usr/sbin/nginx (pid 9)'
  assert.ok(linesFor({ masters }).some((line) => line.endsWith(said)))
  assert.ok(
    linesFor({ masters, front_doors: [] }).some((line) =>
      line.endsWith(': /opt/edge (pid 7), /usr/sbin/nginx (pid 9)'),
    ),
  )
})

test('an old kernel, missing BTF, missing rights or no interface is a failure with a remedy', () => {
  const wrongs: Partial<Facts>[] = [
    { tcx: false, too_old: true, kernel: '5.15.0' },
    {
      tcx: false,
      kernel: '6.1.0',
      attach: { ...BY_GROUP, missing: 'cgroup2 is not mounted', remedy: 'mount it' },
    },
    { btf: false },
    { rights: { missing: 'CAP_BPF', ptrace: true } },
    { interfaces: [] },
  ]
  for (const wrong of wrongs) {
    const checks = diagnose({ ...HEALTHY, ...wrong })
    assert.equal(wouldRecord(checks), false, JSON.stringify(wrong))
    for (const { state, remedy } of checks) assert.equal(state === 'ok', remedy === null)
  }
})

test('every warning and failure that is not about an upstream has a remedy', () => {
  const look = { seconds: 2, requests: 0, halfSeen: 3, routed: 40, opaque: 5, readsTls: false }
  const facts: Facts = {
    ...HEALTHY,
    rights: { missing: '', ptrace: false },
    interfaces: [
      ...HEALTHY.interfaces,
      { name: 'ib0', up: true, readable: false, ingress: null, egress: null },
      { name: 'eth1', up: false, readable: true, ingress: null, egress: null },
    ],
    nginx: 'unreadable',
  }
  const unseen = [{ what: 'retries after a connect timeout', remedy: 'let tracing programs attach' }]
  const checks = [...diagnose(facts), ...unseenChecks(unseen), ...trafficChecks(look)]
  for (const { state, remedy } of checks) assert.equal(state === 'ok', remedy === null)
  assert.ok(wouldRecord(checks))
})

test('an unreadable part of nginx is a warning beside the known front doors', () => {
  const text = 'the configuration of nginx 7, which listens on 8081, includes too much'
  const lines = linesFor({ nginx_warning: text })
  assert.ok(lines.includes(`warning: ${text}`), lines.join('\n'))
  assert.ok(lines.some((line) => line.startsWith('ok: front door: 80')))
  assert.ok(
    !linesFor({ nginx: 'unreadable', nginx_warning: text }).join().includes(text),
    'not reported twice',
  )
})

test('other programs on a hook are named in the order in which they run', () => {
  const ingress = [
    { id: 7, name: 'cil_from' },
    { id: 9, name: '' },
  ]
  const lines = linesFor({ interfaces: [{ name: 'eth0', up: true, readable: true, ingress, egress: [] }] })
  assert.ok(lines.some((line) => line.includes('eth0: ingress: cil_from (id 7), then program (id 9)')))
})

test('a host without nginx gets a warning', () => {
  assert.ok(linesFor({ nginx: 'none' }).includes('warning: no nginx runs in this network namespace'))
})

test('the offloads of an active interface are named', () => {
  const eth0 = {
    name: 'eth0',
    up: true,
    readable: true,
    gro: true,
    gso: false,
    tso: true,
    ingress: [],
    egress: [],
  }
  const lines = linesFor({ interfaces: [eth0, { ...eth0, name: 'eth1', up: false }] })
  assert.ok(lines.includes('ok: eth0 (gro tso): nobody else on its hooks'))
  assert.ok(lines.includes('ok: eth1: down, left out'))
})
