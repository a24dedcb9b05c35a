/** Attached to a control group: the sockets of all network namespaces, each under its own namespace's name. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GROUPS, lackingGroups } from './lab/groups.ts'
import { countsOf, rowsOf, truthOf } from './lab/compare.ts'
import { compile } from './lab/build.ts'
import { countLeft, linksOf } from './lab/links.ts'
import { addVeth, addAddresses, makeNamespace, NamespaceAgent, removeNamespace } from './lab/network.ts'
import { LabNginxes, type LabNginx } from './lab/nginx.ts'
import type { Truth } from './lab/protocol.ts'
import { inside, lacking, ROOT, sh } from './lab/system.ts'
import { startHelper, watch, type Seen } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const netnsOf = (namespace: string): number => statSync(`/run/netns/${namespace}`).ino
const byGroup = ['--attach', 'cgroup']

/** The part of what was seen that belongs to one namespace. */
const within = (seen: Seen, namespace: string): Pick<Seen, 'sum'> => ({
  sum: {
    ...seen.sum,
    backends: seen.sum.backends.filter(({ backend }) => backend.netns === netnsOf(namespace)),
  },
})

const rowsIn = (seen: Seen, namespace: string): Truth => rowsOf(within(seen, namespace))

const namesIn = (seen: Seen, namespace: string): Readonly<Record<string, readonly string[] | null>> =>
  Object.fromEntries(
    within(seen, namespace).sum.backends.map(({ backend }) => [backend.address, backend.names]),
  )

const PROXIES = `
  upstream api { server 127.0.0.1:9001 weight=3; server 127.0.0.1:9002; }
  upstream static { server 127.0.0.1:9003; server 127.0.0.1:9004 backup; }
  upstream search { server localhost:9005; }
  server { listen 127.0.0.1:8080; set $where 127.0.0.1:9006;
    location /api { proxy_pass http://api; } location /static { proxy_pass http://static; }
    location /search { proxy_pass http://search; } location /variable { proxy_pass http://$where; } }`

describe(
  'by control group',
  {
    skip: lacking('nft', 'curl', 'clang', 'bpftool', 'python3', 'setpriv') || lackingGroups,
  },
  () => {
    /** `web` and `shop` use the same addresses; `inn` is behind a bridge of `host`, where the recorder runs, too. */
    let web: NamespaceAgent,
      shop: NamespaceAgent,
      inn: NamespaceAgent,
      host: NamespaceAgent,
      out: NamespaceAgent
    const nginxes = new LabNginxes()
    let port = 9200

    const open = async (role: string): Promise<NamespaceAgent> =>
      NamespaceAgent.open(await makeNamespace(role))
    const plug = async (agent: NamespaceAgent, link: string, address: string): Promise<void> => {
      const bridge = host.namespace
      await addVeth([bridge, link], [agent.namespace, 'eth0'])
      await sh('ip', '-n', bridge, 'link', 'set', link, 'master', 'br0', 'up')
      await addAddresses(agent.namespace, 'eth0', [`${address}/24`])
      await sh('ip', '-n', agent.namespace, 'route', 'add', 'default', 'via', '10.78.0.1')
    }
    before(async () => {
      host = await open('host')
      ;[web, shop, inn, out] = (await Promise.all(['web', 'shop', 'inn', 'out'].map(open))) as [
        NamespaceAgent,
        NamespaceAgent,
        NamespaceAgent,
        NamespaceAgent,
      ]
      await sh('ip', '-n', host.namespace, 'link', 'add', 'br0', 'type', 'bridge')
      await addAddresses(host.namespace, 'br0', ['10.78.0.1/24'])
      await inside(host.namespace, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
      await plug(inn, 'to-inn', '10.78.0.2')
      await plug(out, 'to-out', '10.78.0.3')
      for (const agent of [web, shop])
        for (let at = 9001; at <= 9006; at++) await agent.call('listen', { address: '127.0.0.1', port: at })
    })
    after(async () => {
      for (const agent of [web, shop, inn, out, host]) {
        await agent.close()
        await removeNamespace(agent.namespace)
      }
    })

    const start = (agent: NamespaceAgent, http: string): Promise<LabNginx> =>
      nginxes.start(agent.namespace, http)
    const ask = (
      agent: NamespaceAgent,
      address: string,
      paths: readonly string[],
      times: number,
    ): Promise<unknown> => agent.call('ask', { address, port: 8080, requests: paths.map(get), times })

    test('one recorder: three nginx, two of them with the same addresses, each equals its own log', async () => {
      port++
      await out.call('listen', { address: '10.78.0.3', port })
      const proxies = [await start(web, PROXIES), await start(shop, PROXIES)]
      proxies.push(
        await start(
          inn,
          `upstream far { server 10.78.0.3:${port}; } server { listen 8080; location / { proxy_pass http://far; } }`,
        ),
      )
      const seen = await watch(
        host.namespace,
        () =>
          Promise.all([
            ask(web, '127.0.0.1', ['/api', '/static', '/search', '/variable'], 20),
            ask(shop, '127.0.0.1', ['/api', '/static'], 30),
            ask(inn, '127.0.0.1', ['/inner'], 10),
            // clients in other namespaces
            ask(host, '10.78.0.2', ['/client'], 10),
            ask(out, '10.78.0.2', ['/client'], 15),
          ]),
        byGroup,
      )
      for (const [i, agent] of [web, shop, inn].entries())
        assert.deepEqual(rowsIn(seen, agent.namespace), truthOf(proxies[i]!.attempts()))
      for (const agent of [host, out]) assert.deepEqual(rowsIn(seen, agent.namespace), {})
      assert.deepEqual(namesIn(seen, web.namespace), {
        '127.0.0.1:9001': ['api'],
        '127.0.0.1:9002': ['api'],
        '127.0.0.1:9003': ['static'],
        '127.0.0.1:9005': ['search'],
        // by a variable: nobody knows
        '127.0.0.1:9006': null,
      })
      assert.deepEqual(namesIn(seen, inn.namespace), { [`10.78.0.3:${port}`]: ['far'] })
      assert.ok(
        seen.sum.excluded.frontDoor >= 20 * 4 + 30 * 2 + 10 + 10 + 15,
        JSON.stringify(seen.sum.excluded),
      )
    })

    test('a client of nginx behind NAT of the host between them is its client all the same', async () => {
      port++
      await out.call('listen', { address: '10.78.0.3', port })
      const nginx = await start(
        inn,
        `server { listen 8080; location / { proxy_pass http://10.78.0.3:${port}; } }`,
      )
      for (const words of [
        'add table ip t',
        'add chain ip t c { type nat hook prerouting priority -100 ; }',
        'add rule ip t c ip daddr 10.78.0.1 tcp dport 8000 dnat to 10.78.0.2:8080',
        'add chain ip t s { type nat hook postrouting priority 100 ; }',
        'add rule ip t s ip daddr 10.78.0.2 tcp dport 8080 masquerade',
      ])
        await inside(host.namespace, 'nft', words)
      const seen = await watch(
        host.namespace,
        () => out.call('ask', { address: '10.78.0.1', port: 8000, requests: [get('/published')], times: 12 }),
        byGroup,
      )
      await inside(host.namespace, 'nft', 'delete table ip t')
      assert.deepEqual(rowsIn(seen, out.namespace), {})
      assert.deepEqual(rowsIn(seen, inn.namespace), truthOf(nginx.attempts()))
    })

    test('a client in another namespace, of an nginx that was started while it records, is no backend from its first connection', async () => {
      port++
      await out.call('listen', { address: '10.78.0.3', port })
      let nginx: LabNginx | null = null
      const seen = await watch(
        host.namespace,
        async () => {
          nginx = await start(
            inn,
            `server { listen 8080; location / { proxy_pass http://10.78.0.3:${port}; } }`,
          )
          // before it is seen to proxy
          await Promise.all([host, out].map((agent) => ask(agent, '10.78.0.2', ['/first', '/second'], 4)))
        },
        byGroup,
      )
      for (const agent of [host, out]) assert.deepEqual(rowsIn(seen, agent.namespace), {})
      assert.deepEqual(rowsIn(seen, inn.namespace), truthOf((nginx as LabNginx | null)!.attempts()))
      assert.ok(seen.sum.excluded.frontDoor >= 16, JSON.stringify(seen.sum.excluded))
    })

    test('a request in the SYN (TCP Fast Open) of a client in another namespace is no backend’s', async () => {
      port++
      await out.call('listen', { address: '10.78.0.3', port })
      const nginx = await start(
        inn,
        `server { listen 8080; location / { proxy_pass http://10.78.0.3:${port}; } }`,
      )
      await inside(out.namespace, 'sysctl', '-qw', `net.ipv4.tcp_fastopen=${0x1 + 0x4}`)
      await inside(inn.namespace, 'sysctl', '-qw', `net.ipv4.tcp_fastopen=${0x2 + 0x200 + 0x400}`)
      const client = `${ROOT}test/kernel/lab/fastopen.py`
      let answered = ''
      const seen = await watch(
        host.namespace,
        async () => (answered = await inside(out.namespace, 'python3', client, '10.78.0.2', '8080', '8')),
        byGroup,
      )
      assert.equal(Number(answered), 16)
      assert.deepEqual(rowsIn(seen, out.namespace), {})
      assert.deepEqual(rowsIn(seen, inn.namespace), truthOf(nginx.attempts()))
    })

    test("a port that another user took from nginx, in another namespace, is a backend's", async () => {
      port++
      await out.call('listen', { address: '10.78.0.3', port })
      const door = (at: number): string =>
        `server { listen ${at}; location / { proxy_pass http://10.78.0.3:${port}; } }`
      const nginx = await start(inn, door(8080) + door(8090))
      let server: ChildProcess | null = null
      const listens = async (): Promise<boolean> =>
        (await inside(inn.namespace, 'ss', '-Hltn', 'sport = :8080')) !== ''
      const seen = await watch(
        host.namespace,
        async () => {
          await ask(out, '10.78.0.2', ['/door'], 2)
          const file = join(nginx.folder, 'nginx.conf')
          writeFileSync(file, readFileSync(file, 'utf8').replace(door(8080), ''))
          process.kill(nginx.master(), 'SIGHUP')
          while (await listens()) await sleep(20)
          const words = [
            'setpriv',
            '--reuid=65534',
            '--clear-groups',
            '/usr/bin/python3',
            '-m',
            'http.server',
            '8080',
          ]
          server = spawn('ip', ['netns', 'exec', inn.namespace, ...words], { stdio: 'ignore' })
          while (!(await listens())) await sleep(20)
          await ask(out, '10.78.0.2', ['/nobody'], 3)
        },
        byGroup,
      ).finally(() => server?.kill())
      assert.deepEqual(rowsIn(seen, out.namespace), {
        '10.78.0.2:8080 GET /nobody': { requests: 3, codes: { 404: 3 } },
      })
    })

    test('connections of other namespaces that are older than the recorder are counted from their next request', async () => {
      const nginx = await start(
        web,
        `upstream kept { server 127.0.0.1:9001; keepalive 4; } server { listen 127.0.0.1:8080; location / { proxy_pass http://kept; } }`,
      )
      await ask(web, '127.0.0.1', ['/before'], 5)
      const seen = await watch(host.namespace, () => ask(web, '127.0.0.1', ['/after'], 7), byGroup)
      const after = nginx.attempts().filter(({ target }) => target === '/after')
      assert.deepEqual(rowsIn(seen, web.namespace), truthOf(after))
      assert.equal(countsOf(within(seen, web.namespace), '127.0.0.1:9001').connects, 0)
    })

    test('connects that fail count in the namespace where they do', async () => {
      await start(
        web,
        `upstream dead { server 127.0.0.1:9555; } server { listen 127.0.0.1:8080; location / { proxy_pass http://dead; } }`,
      )
      await start(
        shop,
        `upstream dead { server 192.0.2.1:9555; } server { listen 127.0.0.1:8080; location / { proxy_pass http://dead; } }`,
      )
      const seen = await watch(
        host.namespace,
        () => Promise.all([ask(web, '127.0.0.1', ['/'], 3), ask(shop, '127.0.0.1', ['/'], 2)]),
        byGroup,
      )
      const failed = (agent: NamespaceAgent): unknown =>
        within(seen, agent.namespace).sum.backends.map(({ backend, connection }) => [
          backend.address,
          connection.refused,
          connection.unreachable,
        ])
      assert.deepEqual(failed(web), [['127.0.0.1:9555', 3, 0]])
      assert.deepEqual(failed(shop), [['192.0.2.1:9555', 0, 2]])
    })

    test('a namespace that comes and goes while it records', async () => {
      let late: { agent: NamespaceAgent; netns: number; truth: Truth } | null = null
      const seen = await watch(
        host.namespace,
        async () => {
          const agent = await open('late')
          await agent.call('listen', { address: '127.0.0.1', port: 9001 })
          const nginx = await start(
            agent,
            `upstream late { server 127.0.0.1:9001; } server { listen 8080; location / { proxy_pass http://late; } }`,
          )
          await ask(agent, '127.0.0.1', ['/late'], 9)
          late = { agent, netns: netnsOf(agent.namespace), truth: truthOf(nginx.attempts()) }
          await nginxes.stop(nginx)
          await agent.close()
          await removeNamespace(agent.namespace)
        },
        byGroup,
      )
      assert.ok(late)
      const { netns, truth } = late as { netns: number; truth: Truth }
      const backends = seen.sum.backends.filter(({ backend }) => backend.netns === netns)
      assert.deepEqual(rowsOf({ sum: { ...seen.sum, backends } }), truth)
      assert.equal(Object.values(truth)[0]?.requests, 9)
    })

    describe('--cgroup', () => {
      const group = join(GROUPS ?? '', `lab-${process.pid}`)
      const enter = (pid: number): void => writeFileSync(join(group, 'cgroup.procs'), String(pid))
      /** The master, and its workers, which it starts after it has written its pid. */
      const enterAll = async (nginx: LabNginx): Promise<void> => {
        const master = nginx.master()
        let workers = ''
        while ((workers = childrenOf(master)) === '') await sleep(20)
        for (const pid of [master, ...workers.split(' ').map(Number)]) enter(pid)
      }
      const childrenOf = (pid: number): string =>
        readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      before(() => mkdirSync(group))
      after(() => rmdirSync(group))

      test('narrows it to the sockets of a group', async () => {
        const http = `upstream api { server 127.0.0.1:9001; } server { listen 127.0.0.1:8080; location / { proxy_pass http://api; } }`
        const inner = await start(web, http)
        await start(shop, http)
        await enterAll(inner)
        const seen = await watch(
          host.namespace,
          () => Promise.all([ask(web, '127.0.0.1', ['/in'], 6), ask(shop, '127.0.0.1', ['/out'], 6)]),
          ['--cgroup', group, ...byGroup],
        )
        assert.deepEqual(
          seen.sum.backends.map(({ backend }) => backend.netns),
          [netnsOf(web.namespace)],
        )
        assert.deepEqual(rowsIn(seen, web.namespace), truthOf(inner.attempts()))
        await nginxes.stop(inner)
      })

      test('a path may be written with dots and slashes: calls that fail at once count, too', async () => {
        const nginx = await start(
          shop,
          'server { listen 127.0.0.1:8080; location / { proxy_pass http://192.0.2.1:9555; } }',
        )
        await enterAll(nginx)
        const name = `lab-${process.pid}`
        for (const path of [`./${name}`, `/sys/fs/cgroup/${name}/../${name}//.`]) {
          const seen = await watch(host.namespace, () => ask(shop, '127.0.0.1', ['/'], 2), [
            '--cgroup',
            path,
            ...byGroup,
          ])
          assert.deepEqual(
            seen.sum.backends.map(({ connection }) => connection.unreachable),
            [2],
            path,
          )
        }
        await nginxes.stop(nginx)
      })

      test('a group that is removed while it records is told, once', async () => {
        const passing = join(group, 'passing')
        mkdirSync(passing)
        const seen = await watch(
          host.namespace,
          async (helper) => {
            await helper.nextFrame()
            rmdirSync(passing)
            await helper.nextFrame()
            // as a unit that is restarted
            mkdirSync(passing)
            await helper.nextFrame()
            await helper.nextFrame()
          },
          ['--cgroup', passing, ...byGroup],
        )
        rmdirSync(passing)
        // Other remarks may be about an nginx of another test, whose names can't be read while it starts or ends.
        assert.equal(seen.remarks.filter((text) => /^the control group .* was removed/.test(text)).length, 1)
      })

      test('a group that does not exist is named', async () => {
        await assert.rejects(
          startHelper(host.namespace, ['--cgroup', '/no/such.slice', ...byGroup]),
          /there is no control group "\/no\/such\.slice"/,
        )
      })
    })

    describe('others', () => {
      const group = join(GROUPS ?? '', `lab-others-${process.pid}`)
      const pinned = `/sys/fs/bpf/lab-deny-${process.pid}`
      before(async () => {
        mkdirSync(group)
        const flags = ['-O2', '-g', '-target', 'bpf', '-DDENIED=9003', '-I/usr/include/x86_64-linux-gnu']
        const object = await compile(
          'deny.bpf.o',
          'clang',
          ...flags,
          '-c',
          `${ROOT}test/kernel/lab/deny.bpf.c`,
        )
        await sh('bpftool', 'prog', 'load', object, pinned)
        await sh('bpftool', 'cgroup', 'attach', group, 'cgroup_inet_egress', 'pinned', pinned)
      })
      after(() => {
        rmdirSync(group)
        rmSync(pinned)
      })
      const connects = (at: number): boolean =>
        spawnSync('sh', [
          '-c',
          `echo $$ > ${group}/cgroup.procs; exec ip netns exec ${web.namespace} curl -sm 1 127.0.0.1:${at}`,
        ]).status === 0

      test("others' programs act as before, and nothing of ours is left after SIGKILL", async () => {
        assert.deepEqual([connects(9001), connects(9003)], [true, false], 'before')
        const helper = await startHelper(host.namespace, byGroup)
        const links = linksOf(helper.pid).filter(({ kind }) => kind === 'cgroup')
        assert.deepEqual([connects(9001), connects(9003)], [true, false], 'while it records')
        assert.equal(await countLeft(links), 5)
        await helper.kill()
        assert.equal(await countLeft(links), 0)
        assert.deepEqual([connects(9001), connects(9003)], [true, false], 'afterwards')
      })
    })
  },
)
