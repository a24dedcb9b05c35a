/** By control group programs are interrupted by others on their CPU. Nothing is lost by it, and no route counts for another. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { GROUPS, lackingGroups } from './lab/groups.ts'
import { buildHelper, PROGRAMS } from './lab/build.ts'
import { assertNothingLost, assertReconciles, rowsOf, truthOf } from './lab/compare.ts'
import { makeNamespace, NamespaceAgent, removeNamespace } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking, PROBE } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const ROUTES = Array.from(
  { length: 40 },
  (_, n) => `/${'abcdefgh'[n % 8]}/${'route'.repeat(1 + (n % 7))}${n}x`,
)
const requests = ROUTES.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)

const PROXY = `
  upstream four { server 127.0.0.1:9001; keepalive 16; }
  upstream six { server [::1]:9001; keepalive 16; }
  server { listen 127.0.0.1:8080; listen [::1]:8080; proxy_http_version 1.1;
    location /a { proxy_pass http://four; proxy_set_header Connection ""; }
    location /b { proxy_pass http://six; proxy_set_header Connection ""; }
    location /c { proxy_pass http://[::1]:9002; }
    location / { proxy_pass http://127.0.0.1:9002; } }`
const BACKEND = `access_log off;
  server { listen 127.0.0.1:9001; listen [::1]:9001; listen 127.0.0.1:9002; listen [::1]:9002; return 200 "hello\\n"; }`

const OURS = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'

describe('a crowd, by control group', { skip: lacking('clang', 'bpftool') || lackingGroups }, () => {
  let crowd: NamespaceAgent, friends: NamespaceAgent, late: string
  /** All that this test starts is in a group of its own: other tests may run beside. */
  const group = join(GROUPS ?? '', `lab-crowd-${process.pid}`)
  const enter = (folder: string): void => writeFileSync(join(folder, 'cgroup.procs'), String(process.pid))
  before(async () => {
    mkdirSync(group)
    enter(group)
    const namespace = await makeNamespace('crowd')
    crowd = await NamespaceAgent.open(namespace)
    friends = await NamespaceAgent.open(namespace)
    late = mkdtempSync(join(tmpdir(), 'lab-late-'))
  })
  after(async () => {
    for (const agent of [crowd, friends]) await agent.close()
    await removeNamespace(crowd.namespace)
    enter(join(GROUPS!, OURS))
    rmdirSync(group)
    rmSync(late, { recursive: true })
  })

  const crowdedWith = async (program: string, times: number): Promise<void> => {
    const backend = await startLabNginx(crowd.namespace, BACKEND)
    const nginx = await startLabNginx(crowd.namespace, PROXY)
    try {
      const seen = await watch(
        crowd.namespace,
        () =>
          Promise.all(
            [crowd, friends].flatMap((agent) =>
              ['127.0.0.1', '::1'].map((address) =>
                agent.call('ask', { address, port: 8080, requests, times, connections: 20 }),
              ),
            ),
          ),
        ['--attach', 'cgroup', '--cgroup', group],
        program,
      )
      assert.deepEqual(rowsOf(seen), truthOf(nginx.attempts()))
      assertNothingLost(seen)
      assertReconciles(seen)
    } finally {
      await nginx.stop()
      await backend.stop()
    }
  }

  test('many connections at once: each route equals the log', () => crowdedWith(PROBE, 60))

  test('so it is when programs are slow, and interrupted all the time', async () => {
    // each 50th holder of a lock for 2 ms
    await crowdedWith(await buildHelper(late, '-DHOLD_LATE=2000000ULL', PROGRAMS), 20)
  })
})
