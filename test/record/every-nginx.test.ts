/** What doctor says of every nginx of a host. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyNginxChecks, nginxEntries, type NginxFacts } from '../../src/record/doctor/every-nginx.ts'

const ID = '3f1c9a77b2e4'.padEnd(64, '0')
const OWN = 4_026_531_840
const one = (facts: Partial<NginxFacts>): NginxFacts => ({
  pid: 7,
  program: '/usr/sbin/nginx',
  configuration: '/etc/nginx/nginx.conf',
  netns: OWN,
  doors: ['0.0.0.0:80'],
  upstreams: [],
  ...facts,
})
const api = { pass: 'proxy_pass', target: 'http://api', kind: 'http', place: 'tcp', servers: 1 } as const
const upstreams = [
  { ...api, examples: ['10.0.0.1:80'] },
  { ...api, target: 'https://b', kind: 'tls', servers: 0, examples: [] },
  { ...api, target: 'http://unix:/a', place: 'unix', servers: 0, examples: [] },
] as const

const CASES: readonly (readonly [what: string, NginxFacts, line: string, remedy: string | null])[] = [
  [
    'of a unit in this namespace',
    one({ host: true, cgroup: '/system.slice/nginx.service', upstreams }),
    'ok: /usr/sbin/nginx (pid 7) in this network namespace, of nginx.service; configuration /etc/nginx/nginx.conf; listens on 0.0.0.0:80; ' +
      'passes requests on to "http://api" (10.0.0.1:80), "https://b": TLS, read with --tls, "http://unix:/a": a unix socket, not visible',
    null,
  ],
  [
    'of a container',
    one({ netns: 2, cgroup: `/system.slice/docker-${ID}.scope`, doors: [] }),
    'warning: /usr/sbin/nginx (pid 7) in network namespace 3f1c9a77b2e4; configuration /etc/nginx/nginx.conf; does not listen on TCP; no upstreams known',
    'it is seen with --attach cgroup, or from within: sudo nsenter -t 7 -n upstreamtop record …',
  ],
  [
    'of a container in a named namespace, whose configuration could not be read',
    one({ netns: 2, names: ['web'], cgroup: `/docker/${ID}`, configuration: '' }),
    'warning: /usr/sbin/nginx (pid 7) in network namespace web, of 3f1c9a77b2e4; listens on 0.0.0.0:80; no upstreams known',
    'it is seen with --attach cgroup, or from within: sudo ip netns exec web upstreamtop record …',
  ],
  [
    'of a namespace that nothing names',
    one({ netns: 2, configuration: '', doors: ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'] }),
    'warning: /usr/sbin/nginx (pid 7) in network namespace 2; listens on a:1, b:1, c:1, d:1 and 1 more; no upstreams known',
    'it is seen with --attach cgroup, or from within: sudo nsenter -t 7 -n upstreamtop record …',
  ],
]

for (const [what, nginx, line, remedy] of CASES)
  test(`an nginx ${what} has a line of its own`, () => {
    const [only, ...others] = everyNginxChecks({ netns: OWN, every_nginx: [nginx] })
    assert.deepEqual(others, [])
    assert.equal(`${only?.state}: ${only?.what}`, line)
    assert.equal(only?.remedy, remedy)
  })

test('what was not read elsewhere is said, once', () => {
  const text = 'the configuration of nginx 9 could not be read'
  assert.match(
    everyNginxChecks({ every_nginx_warning: text })[0]?.what ?? '',
    /^in other network namespaces: the conf/,
  )
  assert.deepEqual(
    everyNginxChecks(Object.assign({ every_nginx_warning: text }, { nginx_warning: text })),
    [],
  )
})

test('an older helper does not tell', () => {
  assert.equal(nginxEntries({}), null)
  assert.deepEqual(everyNginxChecks({}), [])
})

test('by control group every namespace is seen: no other option is needed', () => {
  const facts = { netns: OWN, attach: { way: 'cgroup' }, every_nginx: [one({ netns: 2, names: ['web'] })] }
  assert.deepEqual(nginxEntries(facts)?.[0]?.seen_with, [])
  const check = everyNginxChecks(facts)[0]!
  assert.equal(check.state, 'ok')
  assert.ok(check.what.includes(' in network namespace web;'))
})
