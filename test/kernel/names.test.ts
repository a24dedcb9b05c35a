/** What nginx's configuration calls its backends; nginx's log says which addresses it connected to. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { assertReconciles, rowsOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { lacking } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('names of backends', { skip: lacking('python3', 'unshare') }, () => {
  let cable: Cable
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-names-'))
  /** Its own hosts file, in mounts of its own: `ip netns exec` has them already. */
  const withHosts = join(folder, 'with-hosts')
  before(async () => {
    cable = await Cable.create()
    writeFileSync(
      withHosts,
      `#!/bin/sh\nmount --bind ${join(folder, 'hosts')} /etc/hosts && exec /usr/sbin/nginx "$@"\n`,
      { mode: 0o755 },
    )
    for (const last of [2, 3, 4, 5, 6])
      for (const port of [9101, 9102]) await cable.far.call('listen', { address: `10.77.0.${last}`, port })
  })
  const running = new Set<LabNginx>()
  const startNginx = async (http: string): Promise<LabNginx> => {
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n10.77.0.4 app.example www.app.example\n')
    const nginx = await startLabNginx(cable.proxy.namespace, http, false, { program: withHosts })
    running.add(nginx)
    return nginx
  }
  afterEach(async () => {
    for (const nginx of running) await nginx.stop()
    running.clear()
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  const ask = (path: string, times: number): Promise<unknown> =>
    cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(path)], times })

  function assertEqualsLog(seen: Seen, nginx: LabNginx): void {
    assert.deepEqual(rowsOf(seen), truthOf(nginx.attempts()))
    assertReconciles(seen)
  }

  test('three blocks with weights and a backup, a host of the hosts file, a literal address', async () => {
    const nginx = await startNginx(
      `upstream api { server 10.77.0.2:9101 weight=3; server 10.77.0.3:9101; server 10.77.0.5:9101 backup; }
       upstream web { server 10.77.0.2:9101; server 10.77.0.2:9 down; }
       upstream reports { server app.example:9101; }
       server { listen 127.0.0.1:8080; location /api { proxy_pass http://api; } location /web { proxy_pass http://web; }
         location /reports { proxy_pass http://reports; } location /host { proxy_pass http://www.app.example:9102; }
         location /literal { proxy_pass http://10.77.0.6:9102; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      await ask('/api', 12)
      for (const path of ['/web', '/reports', '/host', '/literal']) await ask(path, 4)
      await cable.proxy.call('ask', { address: '10.77.0.5', port: 9102, requests: [get('/other')] })
    })
    const others = { '10.77.0.5:9102 GET /other': { requests: 1, codes: { 200: 1 } } }
    assert.deepEqual(rowsOf(seen), { ...truthOf(nginx.attempts()), ...others })
    assertReconciles(seen)
    assert.deepEqual(seen.names, {
      '10.77.0.2:9101': [['api', 'web']],
      '10.77.0.3:9101': [['api']],
      '10.77.0.4:9101': [['reports']],
      '10.77.0.4:9102': [['www.app.example']],
      '10.77.0.6:9102': [[]],
      '10.77.0.5:9102': [[]],
    })
  })

  test('a variable: what the blocks have is known, what else nginx connects to is not', async () => {
    const nginx = await startNginx(
      `upstream api { server 10.77.0.2:9101; }
       map $uri $pool { /known api; default 10.77.0.3:9101; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://$pool; } }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      await ask('/known', 3)
      await ask('/else', 3)
    })
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { '10.77.0.2:9101': [['api']], '10.77.0.3:9101': [null] })
    assert.deepEqual(seen.hello.unseen, [
      {
        what: 'upstreams that are only known at run time have no name (proxy_pass http://$pool)',
        remedy: "'--name IP:PORT=LABEL' gives an address one",
      },
    ])
  })

  test('a host that only DNS knows is told by its port, of what nginx itself connects to', async () => {
    const nginx = await startNginx(
      `upstream api { server app.example:9101; server 10.77.0.2:9102; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://api; } }`,
    )
    // nginx has resolved it; the hosts file that the helper reads does not have it.
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n')
    const seen = await watch(cable.proxy.namespace, async () => {
      await cable.proxy.call('ask', { address: '10.77.0.5', port: 9101, requests: [get('/first')] })
      await ask('/a', 6)
    })
    const others = { '10.77.0.5:9101 GET /first': { requests: 1, codes: { 200: 1 } } }
    assert.deepEqual(rowsOf(seen), { ...truthOf(nginx.attempts()), ...others })
    assert.deepEqual(seen.names, {
      '10.77.0.4:9101': [['api']],
      '10.77.0.2:9102': [['api']],
      '10.77.0.5:9101': [null],
    })
  })
})
