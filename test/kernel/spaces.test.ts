/** nginx in other namespaces: found from the host, whatever network, pid, mount and control group namespace it is in. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { lacking, PROBE } from './lab/system.ts'

const NGINX = '/usr/sbin/nginx'
/** Both namespaces use the same addresses. */
const HTTP = `upstream api { server 127.0.0.1:9001; server 127.0.0.1:9002 backup; }
  server { listen 127.0.0.1:8080; listen [::]:8081; location / { proxy_pass http://api; } }`
const STATIC = 'server { listen 8090; }'

interface FoundNginx {
  readonly pid: number
  readonly program: string
  readonly configuration: string
  readonly netns: number
  readonly doors: readonly string[]
  readonly upstreams: readonly { readonly target: string; readonly examples: readonly string[] }[]
}

describe('nginx in other namespaces', { skip: lacking('unshare') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-spaces-'))
  const running = new Set<LabNginx>()
  let web: string
  let shop: string
  before(async () => {
    web = await makeNamespace('web')
    shop = await makeNamespace('shop')
  })
  afterEach(async () => {
    for (const nginx of running) await nginx.stop()
    running.clear()
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await removeNamespace(web)
    await removeNamespace(shop)
  })

  const start = async (namespace: string, http: string, program = NGINX): Promise<LabNginx> => {
    const nginx = await startLabNginx(namespace, http, false, { program })
    running.add(nginx)
    return nginx
  }
  const netnsOf = (namespace: string): number => statSync(`/run/netns/${namespace}`).ino

  /** Those of these namespaces: other tests may run beside. */
  function found(...namespaces: readonly string[]): readonly FoundNginx[] {
    const { stdout } = spawnSync(PROBE, ['--doctor'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { every_nginx: every } = JSON.parse(stdout) as { every_nginx: readonly FoundNginx[] }
    return namespaces.flatMap((name) => every.filter(({ netns }) => netns === netnsOf(name)))
  }

  test('each is found in its network namespace, with its own doors, configuration and upstreams', async () => {
    const first = await start(web, HTTP)
    const second = await start(shop, HTTP)
    const third = await start(shop, STATIC)
    const all = found(web, shop)
    assert.deepEqual(
      all.map(({ pid, program, configuration, netns, doors, upstreams }) => ({
        pid,
        program,
        configuration,
        netns,
        doors: [...doors].sort(),
        upstreams: upstreams.map(({ target, examples }) => [target, ...examples]),
      })),
      [
        [first, web, ['127.0.0.1:8080', '[::]:8081'], [['http://api', '127.0.0.1:9001', '127.0.0.1:9002']]],
        [second, shop, ['127.0.0.1:8080', '[::]:8081'], [['http://api', '127.0.0.1:9001', '127.0.0.1:9002']]],
        [third, shop, ['0.0.0.0:8090'], []],
      ].map(([nginx, namespace, doors, upstreams]) => ({
        pid: (nginx as LabNginx).master(),
        program: NGINX,
        configuration: join((nginx as LabNginx).folder, 'nginx.conf'),
        netns: netnsOf(namespace as string),
        doors,
        upstreams,
      })),
    )
  })

  test('one in pid, mount and control group namespaces of its own is known by its number outside', async () => {
    const nested = join(folder, 'nested')
    writeFileSync(nested, `#!/bin/sh\nexec unshare -p -f -m -C --mount-proc --kill-child ${NGINX} "$@"\n`, {
      mode: 0o755,
    })
    const nginx = await start(web, HTTP, nested)
    const master = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8'))
    try {
      const [only, ...others] = found(web)
      assert.deepEqual(others, [])
      assert.equal(nginx.master(), 1, 'inside it is the first process')
      assert.equal(only?.pid, master)
      assert.deepEqual([...only.doors].sort(), ['127.0.0.1:8080', '[::]:8081'])
      assert.deepEqual(
        only.upstreams.map(({ target }) => target),
        ['http://api'],
      )
    } finally {
      // unshare ignores the signal that stops it.
      process.kill(master, 'SIGTERM')
    }
  })
})
