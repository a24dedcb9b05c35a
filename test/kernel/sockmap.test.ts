/**
 * A BPF program of somebody else leads what nginx writes from socket to socket, and the answers too: no packet has them. The
 * connections are counted as half seen, and are no failures.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { uncaptured } from './lab/beside.ts'
import { assertNothingLost, assertReconciles, rowsOf, truthOf } from './lab/compare.ts'
import { GROUPS, lackingGroups } from './lab/groups.ts'
import { makeNamespace, NamespaceAgent, removeNamespace } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { lacking, ROOT, sh } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const BACKENDS = `access_log off;
  ${[9101, 9102, 9103].map((port) => `server { listen 127.0.0.1:${port}; listen [::1]:${port}; return 200 "hello\\n"; }`).join('\n')}`

/** Who ends the connection: the backend, nginx, or nobody meanwhile. */
const PROXY = `
  upstream kept4 { server 127.0.0.1:9103; keepalive 4; }
  upstream kept6 { server [::1]:9103; keepalive 4; }
  server { listen 127.0.0.1:8080; proxy_next_upstream off;
    location /ended-by-backend/four { proxy_pass http://127.0.0.1:9101; }
    location /ended-by-backend/six { proxy_pass http://[::1]:9101; }
    location /ended-by-nginx/four { proxy_pass http://127.0.0.1:9102; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /ended-by-nginx/six { proxy_pass http://[::1]:9102; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /kept/four { proxy_pass http://kept4; proxy_http_version 1.1; proxy_set_header Connection ""; }
    location /kept/six { proxy_pass http://kept6; proxy_http_version 1.1; proxy_set_header Connection ""; } }`

const NO_FAILURES = { refused: 0, connectTimeout: 0, unreachable: 0, earlyClose: 0 }
const OURS = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'

describe(
  'sockets in a sockmap',
  {
    skip: lacking('clang', 'bpftool') || lackingGroups || uncaptured('what is in no packet is in no capture'),
  },
  () => {
    let agent: NamespaceAgent, folder: string, backend: LabNginx, nginx: LabNginx
    const group = join(GROUPS ?? '', `lab-sockmap-${process.pid}`)
    const pinned = `/sys/fs/bpf/lab-sockmap-${process.pid}`
    const enter = (path: string): void => writeFileSync(join(path, 'cgroup.procs'), String(process.pid))
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'lab-sockmap-'))
      agent = await NamespaceAgent.open(await makeNamespace('mesh'))
      mkdirSync(group)
      enter(group)
      backend = await startLabNginx(agent.namespace, BACKENDS)
      nginx = await startLabNginx(agent.namespace, PROXY)
      enter(join(GROUPS!, OURS))
    })
    after(async () => {
      await nginx.stop()
      await backend.stop()
      rmdirSync(group)
      await agent.close()
      await removeNamespace(agent.namespace)
      rmSync(folder, { recursive: true })
    })

    const attach = async (...flags: readonly string[]): Promise<void> => {
      const object = join(folder, 'sockmap.o')
      const all = ['-O2', '-g', '-target', 'bpf', '-I/usr/include/x86_64-linux-gnu', ...flags]
      await sh('clang', ...all, '-c', `${ROOT}test/kernel/lab/sockmap.bpf.c`, '-o', object)
      mkdirSync(pinned)
      await sh('bpftool', 'prog', 'loadall', object, pinned, 'pinmaps', pinned)
      await sh('bpftool', 'cgroup', 'attach', group, 'sock_ops', 'pinned', `${pinned}/established`)
      await sh(...verdict('attach'))
    }
    const detach = async (): Promise<void> => {
      await sh('bpftool', 'cgroup', 'detach', group, 'sock_ops', 'pinned', `${pinned}/established`)
      await sh(...verdict('detach'))
      rmSync(pinned, { recursive: true })
    }
    const verdict = (action: string): string[] =>
      ['bpftool', 'prog', action, 'pinned', `${pinned}/redirect`].concat(
        'msg_verdict',
        'pinned',
        `${pinned}/sockets`,
      )

    /** Three times over each family. `kept`: how long nginx keeps its connection before the recorder ends, in ms. */
    const ask = async (place: string, kept = 0): Promise<Seen> =>
      watch(agent.namespace, async () => {
        const requests = ['four', 'six'].map(
          (family) => `GET /${place}/${family} HTTP/1.1\r\nHost: x\r\n\r\n`,
        )
        await agent.call('ask', { address: '127.0.0.1', port: 8080, requests, times: 3, connections: 1 })
        await sleep(kept)
      })

    const assertHalfSeen = (seen: Seen, connections: number): void => {
      assert.equal(seen.sum.loss.halfSeen, connections)
      for (const { connection } of seen.sum.backends.values()) {
        const { refused, connectTimeout, unreachable, earlyClose } = connection
        assert.deepEqual({ refused, connectTimeout, unreachable, earlyClose }, NO_FAILURES)
      }
      assert.equal(seen.sum.totals.requests, 0)
    }

    describe('that redirects', () => {
      before(() => attach())
      after(detach)
      for (const place of ['ended-by-backend', 'ended-by-nginx'])
        test(place, async () => assertHalfSeen(await ask(place), 6))
      test('kept', async () => assertHalfSeen(await ask('kept', 10_000), 2))
    })

    test('that lets everything pass: each request is counted', async () => {
      await attach('-DPASS')
      try {
        for (const place of ['ended-by-backend', 'ended-by-nginx']) {
          const before = nginx.attempts().length
          const seen = await ask(place)
          await nginx.logged(before + 6)
          assert.deepEqual(rowsOf(seen), truthOf(nginx.attempts().slice(before)))
          assertNothingLost(seen)
          assert.equal(seen.sum.loss.halfSeen, 0)
          assertReconciles(seen)
        }
      } finally {
        await detach()
      }
    })
  },
)
