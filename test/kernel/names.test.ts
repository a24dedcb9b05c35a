/** What nginx's configuration calls its backends; nginx's log says which addresses it connected to. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertReconciles, rowsOf, truthOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { LabNginxes, type LabNginx } from './lab/nginx.ts'
import { lacking, PROBE } from './lab/system.ts'
import { startHelper, watch, type Helper, type Seen } from './lab/watch.ts'

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
  const nginxes = new LabNginxes()
  const startNginx = (http: string, daemon = false, program = withHosts): Promise<LabNginx> => {
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n10.77.0.4 app.example www.app.example\n')
    return nginxes.start(cable.proxy.namespace, http, false, { program, daemon })
  }
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

  /** By control group the nginx of every test on this host is in sight. */
  const ALONE = process.env.LAB_ATTACH !== 'cgroup'
  function assertNoRemark({ remarks }: Seen): void {
    if (ALONE) assert.deepEqual(remarks, [])
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
    const { what = '', remedy } = seen.hello.unseen?.[0] ?? {}
    if (ALONE)
      assert.equal(what, 'upstreams that are only known at run time have no name (proxy_pass http://$pool)')
    assert.match(what, /^upstreams that are only known at run time have no name/)
    assert.equal(remedy, "'--name IP:PORT=LABEL' gives an address one")
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

  /** Resolves when an address is called so: one tick is the promise, on a busy machine it may be another. */
  async function called(helper: Helper, address: string, names: readonly string[] | null): Promise<void> {
    for (let ticks = 0; JSON.stringify(helper.names()[address]) !== JSON.stringify(names); ticks++) {
      assert.ok(ticks < 5, `${address} is ${JSON.stringify(helper.names()[address])}`)
      await helper.nextFrame()
    }
  }

  const configure = (nginx: LabNginx, from: RegExp, to: string): void => {
    const file = join(nginx.folder, 'nginx.conf')
    writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
  }

  /** Its workers at this moment. */
  const workersOf = (nginx: LabNginx): readonly number[] => childrenOf(nginx.master())

  async function newWorkers(nginx: LabNginx, before: readonly number[]): Promise<void> {
    while (workersOf(nginx).some((pid) => before.includes(pid)) || workersOf(nginx).length === 0)
      await sleep(20)
  }

  async function reload(nginx: LabNginx): Promise<void> {
    const before = workersOf(nginx)
    process.kill(nginx.master(), 'SIGHUP')
    await newWorkers(nginx, before)
  }

  const TWO = `upstream one { server 10.77.0.2:9101; } upstream two { server 10.77.0.3:9101; }
    server { listen 127.0.0.1:8080; location /a { proxy_pass http://one; } location /b { proxy_pass http://two; } }`

  test('a reload renames an upstream and swaps servers; a broken one and an edited file change nothing', async () => {
    const nginx = await startNginx(TWO)
    const [A, B] = ['10.77.0.2:9101', '10.77.0.3:9101']
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      const both = async (): Promise<void> => {
        await ask('/a', 3)
        await ask('/b', 3)
        await helper.nextFrame()
      }
      await both()
      configure(nginx, /one/g, 'first')
      await both()
      await reload(nginx)
      await called(helper, A, ['first'])
      await both()
      configure(nginx, /first \{/, 'first { broken')
      process.kill(nginx.master(), 'SIGHUP')
      await both()
      await both()
      configure(nginx, /first \{ broken/, 'first {')
      configure(nginx, /10\.77\.0\.2/, '10.77.0.9')
      configure(nginx, /10\.77\.0\.3/, '10.77.0.2')
      configure(nginx, /10\.77\.0\.9/, '10.77.0.3')
      await reload(nginx)
      await called(helper, A, ['two'])
      await both()
    })
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { [A]: [['one'], ['first'], ['two']], [B]: [['two'], ['first']] })
    assertNoRemark(seen)
  })

  test('workers that die and are replaced read nothing: what an edited file says is not said yet', async () => {
    const nginx = await startNginx(TWO)
    configure(nginx, /worker_processes 1/, 'worker_processes 3')
    await reload(nginx)
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await ask('/a', 3)
      await helper.nextFrame()
      configure(nginx, /one/g, 'edited')
      const [worker = 0] = workersOf(nginx)
      process.kill(worker, 'SIGKILL')
      await newWorkers(nginx, [worker])
      for (let ticks = 0; ticks < 3; ticks++) await helper.nextFrame()
      await ask('/a', 3)
      await helper.nextFrame()
      assert.deepEqual(helper.names(), { '10.77.0.2:9101': ['one'] })
      await reload(nginx)
      await called(helper, '10.77.0.2:9101', ['edited'])
    })
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { '10.77.0.2:9101': [['one'], ['edited']] })
  })

  test('names follow an upgrade of the binary, reloads of the new master, and a restart', async () => {
    const nginx = await startNginx(TWO, true)
    const A = '10.77.0.2:9101'
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await ask('/a', 3)
      await helper.nextFrame()
      configure(nginx, /one/g, 'upgraded')
      const old = nginx.master()
      process.kill(old, 'SIGUSR2')
      while (nginx.master() === old || nginx.master() === 0) await sleep(50)
      await called(helper, A, ['upgraded'])
      process.kill(old, 'SIGQUIT')
      await ended(old)
      configure(nginx, /upgraded/g, 'reloaded')
      await reload(nginx)
      await called(helper, A, ['reloaded'])
      await ask('/a', 3)
      await helper.nextFrame()
      configure(nginx, /reloaded/g, 'restarted')
      const last = nginx.master()
      process.kill(last, 'SIGTERM')
      await ended(last)
      await startAgain(nginx)
      await called(helper, A, ['restarted'])
      await ask('/a', 3)
    })
    assert.equal(nginx.attempts().length, 9)
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { [A]: [['one'], ['upgraded'], ['reloaded'], ['restarted']] })
    assertNoRemark(seen)
  })

  async function startAgain(nginx: LabNginx): Promise<void> {
    const last = nginx.master()
    const command = ['/usr/sbin/nginx', '-p', `${nginx.folder}/`, '-e', 'stderr', '-c', 'nginx.conf']
    const started = spawn('ip', ['netns', 'exec', cable.proxy.namespace, ...command], { stdio: 'ignore' })
    await once(started, 'exit')
    while (nginx.master() === 0 || nginx.master() === last) await sleep(20)
  }

  test('a configuration that cannot be read again: names stay, and that is said once', async () => {
    const nginx = await startNginx(TWO)
    const A = '10.77.0.2:9101'
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await ask('/a', 3)
      await helper.nextFrame()
      configure(nginx, /one/g, 'first')
      // nginx may read it with its capabilities; the reader has none.
      chownSync(join(nginx.folder, 'nginx.conf'), 65534, 65534)
      chmodSync(join(nginx.folder, 'nginx.conf'), 0o600)
      for (let times = 0; times < 2; times++) {
        await reload(nginx)
        await helper.nextFrame()
        await helper.nextFrame()
      }
      await ask('/a', 3)
    })
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { [A]: [['one']] })
    assert.deepEqual(seen.remarks, [
      'the configuration of an nginx could not be read after it was reloaded: its backends keep the names that they had. A recorder that is started again reads it',
    ])
  })

  test('an nginx that nobody has read is said, and nothing is told by elimination any more', async () => {
    const first = await startNginx(
      'upstream api { server app.example:9101; } server { listen 127.0.0.1:8081; location / { proxy_pass http://api; } }',
    )
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n')
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await cable.proxy.call('ask', { address: '127.0.0.1', port: 8081, requests: [get('/a')] })
      await helper.nextFrame()
      assert.deepEqual(helper.names(), { '10.77.0.4:9101': ['api'] })
      await startNginx('server { listen 127.0.0.1:8080; location / { proxy_pass http://10.77.0.2:9101; } }')
      await called(helper, '10.77.0.4:9101', null)
      await ask('/a', 3)
      for (let ticks = 0; ticks < 4; ticks++) await helper.nextFrame()
    })
    assert.equal(first.attempts().length, 1)
    assert.deepEqual(seen.names, { '10.77.0.4:9101': [['api'], null], '10.77.0.2:9101': [null] })
    assert.deepEqual(seen.remarks, [
      'an nginx was started whose configuration was not read: its backends have no names. A recorder that is started again reads it',
    ])
  })

  test('without root, with the capabilities of make install, names are those of the configuration, and follow a reload', async () => {
    const nginx = await startNginx(TWO)
    const capabilities = '+bpf,+net_admin,+perfmon,+sys_ptrace'
    const user = ['--reuid=65534', '--clear-groups']
    const grant = [`--inh-caps=-all,${capabilities}`, `--ambient-caps=-all,${capabilities}`, PROBE]
    const seen = await watch(
      cable.proxy.namespace,
      async (helper) => {
        await ask('/a', 3)
        await helper.nextFrame()
        configure(nginx, /one/g, 'first')
        await reload(nginx)
        await called(helper, '10.77.0.2:9101', ['first'])
      },
      [...user, ...grant],
      'setpriv',
    )
    assertEqualsLog(seen, nginx)
    assert.deepEqual(seen.names, { '10.77.0.2:9101': [['one'], ['first']] })
    assertNoRemark(seen)
  })

  test('an nginx in a root of its own: its names are read there, and its root is given up when it ends', async () => {
    const root = join(folder, 'root')
    const chrooted = join(folder, 'chrooted')
    mkdirSync(root)
    // A mount of its own, as a container has, and what nginx needs of ours.
    writeFileSync(
      chrooted,
      `#!/bin/sh -e
       mount -t tmpfs tmpfs ${root}
       for name in usr lib lib64 etc dev proc var tmp bin sbin; do
         [ -e /$name ] || continue; mkdir -p ${root}/$name; mount --rbind /$name ${root}/$name
       done
       printf '10.77.0.5 app.example\\n' >${root}/hosts && mount --bind ${root}/hosts ${root}/etc/hosts
       exec chroot ${root} /usr/sbin/nginx "$@"\n`,
      { mode: 0o755 },
    )
    const nginx = await startNginx(
      `upstream api { server app.example:9101; } server { listen 127.0.0.1:8080; location / { proxy_pass http://api; } }`,
      false,
      chrooted,
    )
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      await ask('/a', 3)
      await helper.nextFrame()
      configure(nginx, /api/g, 'first')
      await reload(nginx)
      await called(helper, '10.77.0.5:9101', ['first'])
      const [reader = 0] = childrenOf(helper.pid)
      const held = heldBy(reader).length
      await nginxes.stop(nginx)
      // Its root, and what told its end.
      while (heldBy(reader).length > held - 2) await sleep(20)
    })
    assert.deepEqual(seen.names, { '10.77.0.5:9101': [['api'], ['first']] })
    assertNoRemark(seen)
  })

  test("root's nginx that starts after the recorder, with the file of its package, has its names, and again when it is restarted", async () => {
    const file = join(folder, 'default.conf')
    const configuration = (name: string): string =>
      `daemon off; pid ${folder}/default.pid; error_log stderr crit; events {}
       http { access_log off; upstream ${name} { server 10.77.0.2:9101; }
         server { listen 127.0.0.1:8080; location / { proxy_pass http://${name}; } } }`
    writeFileSync(file, configuration('first'))
    const inPlace = ['sh', '-c', `mount --bind ${file} /etc/nginx/nginx.conf && exec "$0" "$@"`]
    const start = async (...options: readonly string[]): Promise<() => Promise<void>> => {
      const command = [
        'netns',
        'exec',
        cable.proxy.namespace,
        ...inPlace,
        '/usr/sbin/nginx',
        '-e',
        'stderr',
        ...options,
      ]
      const nginx = spawn('ip', command, { stdio: 'ignore' })
      while (!existsSync(join(folder, 'default.pid'))) await sleep(20)
      return async () => {
        nginx.kill('SIGTERM')
        await once(nginx, 'exit')
      }
    }
    const A = '10.77.0.2:9101'
    const [program, ...args] = [...inPlace, PROBE]
    const seen = await watch(
      cable.proxy.namespace,
      async (helper) => {
        for (const name of ['first', 'second']) {
          writeFileSync(file, configuration(name))
          // Another command line: that of the one before is not found again.
          const stop = await start('-g', `# ${name}`)
          await ask('/a', 3)
          await called(helper, A, [name])
          await stop()
        }
      },
      args,
      program,
    )
    assert.deepEqual(
      // In the tick in which it starts it may not be read yet: its names are unknown then, and not none.
      seen.names[A]?.filter((names) => names !== null),
      [['first'], ['second']],
    )
    assert.deepEqual(rowsOf(seen), { [`${A} GET /a`]: { requests: 6, codes: { 200: 6 } } })
    assertNoRemark(seen)
  })

  for (const how of ['a clean end', 'kill -9'])
    test(`the reader has no capability, nothing of the helper, and ends with it (${how})`, async () => {
      const nginx = await startNginx(TWO)
      const helper = await startHelper(cable.proxy.namespace)
      // By control group there is one for each namespace with an nginx.
      const [reader = 0] = childrenOf(helper.pid)
      const status = readFileSync(`/proc/${reader}/status`, 'utf8')
      assert.match(status, /^CapPrm:\t0+\nCapEff:\t0+$/m)
      assert.match(status, /^NoNewPrivs:\t1$/m)
      assert.deepEqual(
        heldBy(reader)
          .filter((target) => /^(pipe|socket|anon_inode:(?!\[pidfd))/.test(target))
          .map((target) => target.replace(/:.*/, '')),
        ['socket'],
      )
      await reload(nginx)
      await (how === 'kill -9' ? helper.kill() : helper.stop())
      await ended(reader)
    })

  const heldBy = (pid: number): readonly string[] =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))

  const childrenOf = (pid: number): readonly number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

  async function ended(pid: number): Promise<void> {
    while (existsSync(`/proc/${pid}`)) await sleep(20)
  }
})
