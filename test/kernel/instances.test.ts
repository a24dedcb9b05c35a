/** nginx is told by what it is: its binary and its descent, not by the name of a process. nginx's log is the truth. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertExcluded, assertReconciles, failuresOf, rowsOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { LabNginxes, type Attempt, type LabNginx } from './lab/nginx.ts'
import { atInterfacesOnly, lacking, PROBE, unlessLong } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const NGINX = '/usr/sbin/nginx'
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('nginx is told by what it is', { skip: lacking('python3', 'unshare') }, () => {
  let cable: Cable
  let port = 8600
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-instances-'))
  before(async () => {
    chmodSync(folder, 0o755)
    symlinkSync(NGINX, join(folder, 'openresty'))
    symlinkSync(NGINX, join(folder, 'nginx-debug'))
    copyFileSync(NGINX, join(folder, 'edge'))
    cable = await Cable.create()
  })
  const nginxes = new LabNginxes()
  const startNginx = (name: string, http: string, daemon = false): Promise<LabNginx> => {
    const program = name.startsWith('/') ? name : join(folder, name)
    return nginxes.start(cable.proxy.namespace, http, false, { program, daemon })
  }
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  /** A backend that answers, except to /hang. */
  async function backend(far: string): Promise<string> {
    port++
    await cable.far.call('listen', {
      address: far,
      port,
      rules: { '/hang': { steps: [{ pause: 1500 }] }, '*': { steps: [{ send: ok }] } },
    })
    return `${far.includes(':') ? `[${far}]` : far}:${port}`
  }

  const ask = (address: string, listener: number, path: string, times: number): Promise<unknown> =>
    cable.proxy.call('ask', { address, port: listener, requests: [get(path)], times })

  function doctor(): string {
    const args = ['netns', 'exec', cable.proxy.namespace, PROBE, '--doctor']
    return spawnSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).stdout
  }

  /** Only nginx's own attempts are in the recording, and each of its clients' requests is excluded. */
  function assertOnlyUpstream(seen: Seen, nginxes: readonly LabNginx[], clients: number): void {
    const attempts = nginxes.flatMap((nginx) => nginx.attempts()).filter(({ backend: at }) => !isSelf(at))
    assert.deepEqual(rowsOf(seen), truthOf(attempts.map(withoutOwnStatus)))
    assertExcluded(seen, 'frontDoor', clients)
    assertReconciles(seen)
  }
  /** nginx's own 504 is no answer of the backend. */
  const withoutOwnStatus = (attempt: Attempt): Attempt =>
    attempt.status === 504 ? { ...attempt, status: null } : attempt
  const isSelf = (address: string): boolean => /^(127\.0\.0\.1|\[::1\]):/.test(address)

  for (const [name, far, near] of [
    ['openresty', '10.77.0.2', '127.0.0.1'],
    ['nginx-debug', 'fd77::2', '::1'],
    ['edge', '10.77.0.2', '127.0.0.1'],
    ['edge', 'fd77::2', '::1'],
  ] as const)
    for (const when of ['before', 'after'] as const)
      test(`a binary named ${name} is nginx when it starts ${when} the recorder (${far})`, async () => {
        const server = await backend(far)
        const listen = near === '::1' ? '[::1]:8080' : '127.0.0.1:8080'
        const http = `server { listen ${listen}; location / { proxy_pass http://${server}; }
           location /hang { proxy_pass http://${server}; proxy_read_timeout 300ms; }
           location /shut { proxy_pass http://${server.replace(/\d+$/, '9')}; } }`
        const start = (): Promise<LabNginx> => startNginx(name, http)
        let nginx = when === 'before' ? await start() : null
        if (nginx !== null) {
          const facts = JSON.parse(doctor()) as { masters: unknown; front_doors: unknown }
          assert.deepEqual(facts.masters, [
            { pid: nginx.master(), program: name === 'edge' ? join(folder, name) : NGINX },
          ])
          assert.deepEqual(facts.front_doors, [8080])
        }
        const seen = await watch(cable.proxy.namespace, async () => {
          nginx ??= await start()
          for (const path of ['/a', '/hang', '/shut']) await ask(near, 8080, path, 4)
        })
        const attempts = nginx!.attempts()
        assert.equal(attempts.length, 12)
        assertOnlyUpstream(seen, [nginx!], 12)
        assert.deepEqual(failuresOf(seen), { [`${server} GET /hang`]: { aborted: 4 } })
        assert.equal(seen.sum.totals.connection.refused, 4)
      })

  for (const [name, far, near] of [
    [NGINX, '10.77.0.2', '127.0.0.1'],
    ['openresty', 'fd77::2', '::1'],
    ['edge', '10.77.0.2', '127.0.0.1'],
  ] as const)
    test(
      `what ${name.replace(/.*\//, '')} sends to itself is excluded before, during and after an upgrade, and after a restart (${near})`,
      { skip: name === 'openresty' && unlessLong },
      async () => {
        const server = await backend(far)
        const self = near === '::1' ? '[::1]' : near
        const http = `server { listen ${self}:8080; location / { proxy_pass http://${self}:8081; } }
           server { listen ${self}:8081; location / { proxy_pass http://${server}; } }`
        const start = (): Promise<LabNginx> => startNginx(name, http, true)
        let nginx = await start()
        let attempts = nginx.attempts()
        const seen = await watch(cable.proxy.namespace, async (helper) => {
          const phase = async (path: string): Promise<void> => {
            await ask(near, 8080, path, 5)
            await helper.nextFrame()
          }
          await phase('/start')
          const old = nginx.master()
          process.kill(old, 'SIGHUP')
          await sleep(300)
          await phase('/reloaded')
          process.kill(old, 'SIGUSR2')
          while (nginx.master() === old || nginx.master() === 0) await sleep(50)
          await sleep(300)
          await phase('/both')
          process.kill(old, 'SIGQUIT')
          while (isAlive(old)) await sleep(50)
          await phase('/upgraded')
          attempts = nginx.attempts()
          await nginxes.stop(nginx)
          nginx = await start()
          await phase('/restarted')
          await phase('/later')
        })
        attempts = [...attempts, ...nginx.attempts()]
        const far30 = attempts.filter(({ backend: at }) => at === server)
        assert.equal(far30.length, 30)
        assert.deepEqual(rowsOf(seen), truthOf(far30))
        assertExcluded(seen, 'frontDoor', 60)
        assertReconciles(seen)
      },
    )

  test('a port on which nginx listened before it proxied, and one that a reload adds, are its own from the first request', async () => {
    const server = await backend('10.77.0.2')
    const nginx = await startNginx(NGINX, 'server { listen 127.0.0.1:8081; location / { return 204; } }')
    const file = join(nginx.folder, 'nginx.conf')
    const proxying = `server { listen 127.0.0.1:8081; listen [::1]:8082; location / { proxy_pass http://${server}; }
      location /twice { proxy_pass http://[::1]:8082/once; } location /thrice { proxy_pass http://127.0.0.1:8081/twice; } }`
    const seen = await watch(cable.proxy.namespace, async () => {
      await ask('127.0.0.1', 8081, '/static', 3)
      writeFileSync(file, readFileSync(file, 'utf8').replace(/server .*/, proxying))
      process.kill(nginx.master(), 'SIGHUP')
      await sleep(500)
      await ask('127.0.0.1', 8081, '/thrice', 5)
    })
    assert.deepEqual(rowsOf(seen), {
      [`${server} GET /once`]: { requests: 5, codes: { 200: 5 } },
      // It proxied nothing then: a server like any other.
      '127.0.0.1:8081 GET /static': { requests: 3, codes: { 204: 3 } },
    })
    assertExcluded(seen, 'frontDoor', 15)
    assertReconciles(seen)
  })

  for (const [near, listen] of [
    ['127.0.0.1', '127.0.0.1:8080'],
    ['::1', '[::1]:8080'],
  ] as const)
    test(`a process that takes nginx's title makes no other process of its program nginx (${near})`, async () => {
      const server = await backend('10.77.0.2')
      await startNginx(NGINX, `server { listen ${listen}; location / { proxy_pass http://${server}; } }`)
      // The client of the front door is a node, too.
      const script = `const net = require('net'); const s = net.createServer((c) => c.end()).listen(18888, '127.0.0.1', () =>
        net.connect(18888, '127.0.0.1').on('close', () => console.log('ready')).resume()); process.stdin.resume().on('end', () => process.exit())`
      const fake = spawn(
        'ip',
        [
          ...[
            'netns',
            'exec',
            cable.proxy.namespace,
            'bash',
            '-c',
            'exec -a "nginx: master process" "$0" "$@"',
          ],
          ...[process.execPath, '-e', script],
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      )
      await once(fake.stdout, 'data')
      const seen = await watch(cable.proxy.namespace, () => ask(near, 8080, '/a', 10))
      fake.stdin.end()
      await once(fake, 'exit')
      assert.deepEqual(rowsOf(seen), { [`${server} GET /a`]: { requests: 10, codes: { 200: 10 } } })
      assertExcluded(seen, 'frontDoor', 10)
      assertReconciles(seen)
    })

  for (const [far, near] of [
    ['10.77.0.2', '127.0.0.1'],
    ['fd77::2', '::1'],
  ] as const)
    // The helper enters the mounts of that namespace, which have no cgroup2.
    test(
      `what nginx sends to itself is excluded in a nested pid namespace, too (${near})`,
      { skip: atInterfacesOnly },
      async () => {
        const server = await backend(far)
        const self = near === '::1' ? '[::1]' : near
        writeFileSync(
          join(folder, 'nested'),
          `#!/bin/sh\nexec unshare -p -f --mount-proc --kill-child ${NGINX} "$@"\n`,
          { mode: 0o755 },
        )
        const nginx = await startNginx(
          'nested',
          `server { listen ${self}:8080; location / { proxy_pass http://${self}:8081; } }
         server { listen ${self}:8081; location / { proxy_pass http://${server}; } }`,
        )
        const master = readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').trim()
        // unshare ignores the signal that stops it.
        const stop = (): boolean => process.kill(Number(master), 'SIGTERM')
        const enter = ['-t', master, '-p', '-m', PROBE]
        const watched = watch(
          cable.proxy.namespace,
          async (helper) => {
            await ask(near, 8080, '/start', 5)
            await helper.nextFrame()
            await ask(near, 8080, '/later', 5)
            process.kill(Number(master), 'SIGHUP')
            await sleep(500)
            await ask(near, 8080, '/reloaded', 5)
          },
          enter,
          'nsenter',
        )
        const seen = await watched.finally(stop)
        assert.deepEqual([...seen.hello.front_doors].sort(), [8080, 8081])
        const own = nginx.attempts().filter(({ backend: at }) => at === server)
        assert.equal(own.length, 15)
        assert.deepEqual(rowsOf(seen), truthOf(own))
        assertExcluded(seen, 'frontDoor', 30)
        assertReconciles(seen)
      },
    )
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
