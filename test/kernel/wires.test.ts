/**
 * What packets carry where NAT on this host changes it: a backend's connects, requests and failures by the address behind it. The
 * truth is nginx's log, and the ledgers of the pods: docs/NUMBERS.md, "Who and what".
 */
import assert from 'node:assert/strict'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildHelper } from './lab/build.ts'
import { assertNothingLost, assertReconciles, countsOf } from './lab/compare.ts'
import { addAddresses, Cable, range } from './lab/network.ts'
import { startLabNginx, type Attempt, type LabNginx } from './lab/nginx.ts'
import type { Rules, Truth } from './lab/protocol.ts'
import { sandboxRefusing } from './lab/refuse.ts'
import { inside, lacking, PROBE, ROOT, sh } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const RESET: Rules = { '*': { steps: [{ end: 'rst' }] } }

/** A family's cluster address and pods, as nft and as the recording write them. */
interface Family {
  readonly name: 'ip' | 'ip6'
  readonly cluster: string
  readonly pod: (n: number) => string
  readonly at: (host: string, port: number) => string
}
const FOUR: Family = {
  name: 'ip',
  cluster: '10.96.0.20',
  pod: (n) => `10.77.0.${n}`,
  at: (host, port) => `${host}:${port}`,
}
const SIX: Family = {
  name: 'ip6',
  cluster: 'fd96::20',
  pod: (n) => `fd77::${n}`,
  at: (host, port) => `[${host}]:${port}`,
}

describe('wires', { skip: lacking('nft', 'python3', 'gcc') }, () => {
  let cable: Cable
  let port = 8500
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-wires-'))
  before(async () => {
    cable = await Cable.create()
    await addAddresses(
      cable.far.namespace,
      'peer',
      range(3, 9).map((n) => `fd77::${n}/64`),
    )
    await inside(cable.proxy.namespace, 'ip', 'route', 'add', '10.96.0.0/16', 'via', '10.77.0.2')
    await inside(cable.proxy.namespace, 'ip', '-6', 'route', 'add', 'fd96::/64', 'via', 'fd77::2')
  })
  after(async () => {
    await cable.remove()
    rmSync(folder, { recursive: true })
  })

  async function rule(namespace: string, rules: string): Promise<void> {
    const file = join(folder, 'rules')
    writeFileSync(file, `flush ruleset\n${rules}\n`)
    await inside(namespace, 'nft', '-f', file)
  }

  /** Connections to the cluster address go to these pods in turn; `more` are further chains. */
  const balance = ({ name, cluster, pod }: Family, pods: readonly number[], more = ''): Promise<void> => {
    const map = pods.map((n, i) => `${i} : ${pod(n)}`).join(', ')
    const to = `${name} daddr ${cluster} tcp dport ${port} dnat ${name} to numgen inc mod ${pods.length} map { ${map} }`
    return rule(
      cable.proxy.namespace,
      `table inet n { chain o { type nat hook output priority -100; ${to}; }; ${more} }`,
    )
  }

  const proxyTo = (target: string, upstream = ''): Promise<LabNginx> =>
    startLabNginx(
      cable.proxy.namespace,
      `upstream u { server ${target}; ${upstream} }
       server { listen 127.0.0.1:8080; proxy_connect_timeout 500ms; proxy_next_upstream off;
         location / { proxy_pass http://u; ${upstream === '' ? 'proxy_set_header Connection close;' : ''} } }`,
    )

  const ask = (times: number, connections = 1, path = '/'): Promise<readonly number[]> =>
    cable.proxy.call('ask', {
      address: '127.0.0.1',
      port: 8080,
      requests: [get(path)],
      times,
      connections,
    })

  /** A pod that answers, one that refuses, one that resets every request, and one that drops every SYN. */
  async function openPods(family: Family): Promise<void> {
    await cable.far.call('listen', { address: family.pod(2), port })
    await cable.far.call('listen', { address: family.pod(4), port, rules: RESET })
    await rule(
      cable.far.namespace,
      `table inet f { chain i { type filter hook input priority 0; ${family.name} daddr ${family.pod(5)} tcp dport ${port} drop; }; }`,
    )
  }

  for (const family of [FOUR, SIX])
    test(`one bad pod behind a cluster address is told from the others: ${family.name}`, async () => {
      port++
      await openPods(family)
      await balance(family, [2, 3, 4, 5])
      const target = family.at(family.cluster, port)
      const nginx = await proxyTo(target)
      const seen = await watch(cable.proxy.namespace, () => ask(20, 4))
      const attempts = nginx.attempts()
      await nginx.stop()
      const wires = seen.wires[target]
      assert.deepEqual(wires, {
        [family.at(family.pod(2), port)]: { connects: 5, requests: 5, failures: 0 },
        [family.at(family.pod(3), port)]: { connects: 0, requests: 0, failures: 5 },
        [family.at(family.pod(4), port)]: { connects: 5, requests: 5, failures: 5 },
        [family.at(family.pod(5), port)]: { connects: 0, requests: 0, failures: 5 },
      })
      assertSumsAre(seen, target, { connects: 10, requests: 10, failures: 15 }, attempts)
      const ledger = await cable.far.call('ledger')
      for (const n of [2, 4])
        assert.equal(requestsAt(ledger, family.at(family.pod(n), port)), 5, 'the pod says so, too')
    })

  test('without the word of sockets, packets tell which pod refuses and which does not answer', async () => {
    port++
    await openPods(FOUR)
    await balance(FOUR, [2, 3, 4, 5])
    const target = FOUR.at(FOUR.cluster, port)
    const nginx = await proxyTo(target)
    const [sandbox, word] = await sandboxRefusing('load')
    const seen = await watch(
      cable.proxy.namespace,
      async () => {
        await ask(8)
        await sleep(4500)
      },
      [word, PROBE],
      sandbox,
    )
    await nginx.stop()
    assert.deepEqual(seen.wires[target], {
      [FOUR.at(FOUR.pod(2), port)]: { connects: 2, requests: 2, failures: 0 },
      [FOUR.at(FOUR.pod(3), port)]: { connects: 0, requests: 0, failures: 2 },
      [FOUR.at(FOUR.pod(4), port)]: { connects: 2, requests: 2, failures: 2 },
      [FOUR.at(FOUR.pod(5), port)]: { connects: 0, requests: 0, failures: 2 },
    })
    assertReconciles(seen)
  })

  test('connections that are kept, also one older than the recorder: each request counts at its pod', async () => {
    port++
    const rules: Rules = { '/slow': { steps: [{ pause: 300 }, { send: OK }] } }
    for (const n of [2, 3]) await cable.far.call('listen', { address: FOUR.pod(n), port, rules })
    await balance(FOUR, [2])
    const target = FOUR.at(FOUR.cluster, port)
    const nginx = await proxyTo(target, 'keepalive 2;')
    await ask(1)
    const seen = await watch(cable.proxy.namespace, async () => {
      await sleep(100)
      await ask(30)
      await balance(FOUR, [3])
      await Promise.all([ask(3, 1, '/slow'), ask(3, 1, '/slow')])
    })
    await nginx.stop()
    assert.deepEqual(countsOf(seen, target), { connects: 1, requests: 36, failures: 0 })
    const ledger = await cable.far.call('ledger')
    const before = 1
    const requests = (n: number): number => requestsAt(ledger, FOUR.at(FOUR.pod(n), port))
    assert.deepEqual(seen.wires[target], {
      [FOUR.at(FOUR.pod(2), port)]: { connects: 0, requests: requests(2) - before, failures: 0 },
      [FOUR.at(FOUR.pod(3), port)]: { connects: 1, requests: requests(3), failures: 0 },
    })
    assertReconciles(seen)
  })

  for (const [family, endpoint] of [
    [FOUR, '127.0.0.1'],
    [SIX, '::1'],
  ] as const)
    test(`a sidecar on this host is the wire of all that it takes: ${family.name}`, async () => {
      port++
      const sidecar = 10_000 + port
      await cable.proxy.call('listen', { address: endpoint, port: sidecar })
      await rule(
        cable.proxy.namespace,
        `table inet n { chain o { type nat hook output priority -100; tcp dport ${port} redirect to :${sidecar}; }; }`,
      )
      const targets = [2, 3].map((n) => family.at(family.pod(n), port))
      const nginx = await startLabNginx(
        cable.proxy.namespace,
        `server { listen 127.0.0.1:8080; proxy_set_header Connection close; ${targets.map((target, i) => `location /${i} { proxy_pass http://${target}; }`).join(' ')} }`,
      )
      const seen = await watch(cable.proxy.namespace, async () => {
        await ask(6, 2, '/0')
        await ask(4, 2, '/1')
      })
      await nginx.stop()
      const wire = (n: number) => ({
        [family.at(endpoint, sidecar)]: { connects: n, requests: n, failures: 0 },
      })
      assert.deepEqual(seen.wires, { [targets[0]!]: wire(6), [targets[1]!]: wire(4) })
      assertReconciles(seen)
    })

  test('what is not translated has no wire, nor what is only masqueraded; a pod behind both has one', async () => {
    port++
    for (const n of [2, 3, 4])
      await cable.far.call('listen', { address: FOUR.pod(n), port, ...(n === 4 ? { rules: RESET } : {}) })
    const masquerade = `chain p { type nat hook postrouting priority 100; meta l4proto tcp ip daddr { ${FOUR.pod(3)}, ${FOUR.pod(4)} } masquerade to :40000-41000; };`
    await balance(FOUR, [4], masquerade)
    const targets = [FOUR.pod(2), FOUR.pod(3), FOUR.cluster].map((host) => FOUR.at(host, port))
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; proxy_set_header Connection close; ${targets.map((target, i) => `location /${i} { proxy_pass http://${target}; }`).join(' ')} }`,
    )
    const seen = await watch(cable.proxy.namespace, async () => {
      for (const i of targets.keys()) await ask(5, 1, `/${i}`)
    })
    await nginx.stop()
    assert.deepEqual(
      targets.map((target) => countsOf(seen, target)),
      [0, 0, 5].map((failures) => ({ connects: 5, requests: 5, failures })),
    )
    assert.deepEqual(seen.wires, {
      [targets[2]!]: { [FOUR.at(FOUR.pod(4), port)]: { connects: 5, requests: 5, failures: 5 } },
    })
    assertReconciles(seen)
  })

  test('a pod that ends connections before anything is sent', async () => {
    port++
    const program = join(folder, 'talk.py')
    writeFileSync(program, HOLDER)
    await cable.far.call('listen', { address: FOUR.pod(3), port })
    await balance(FOUR, [3])
    const seen = await watch(cable.proxy.namespace, async () => {
      const holding = inside(cable.proxy.namespace, 'python3', program, FOUR.cluster, String(port))
      await sleep(1000)
      await cable.far.call('unlisten', port)
      await holding
    })
    const target = FOUR.at(FOUR.cluster, port)
    assert.deepEqual(seen.wires[target], {
      [FOUR.at(FOUR.pod(3), port)]: { connects: 5, requests: 0, failures: 5 },
    })
    assert.deepEqual(countsOf(seen, target), { connects: 5, requests: 0, failures: 5 })
  })

  test('a backend that gives up its index takes its wires along, and no count is lost', async () => {
    port++
    const program = await buildHelper(join(folder, 'backends'), '-DMAX_BACKENDS=16')
    await cable.far.call('listen', { address: FOUR.pod(2), port })
    await rule(
      cable.proxy.namespace,
      `table ip n { chain o { type nat hook output priority -100; ip daddr 10.96.1.0/24 tcp dport ${port} dnat to ${FOUR.pod(2)}; }; }`,
    )
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `server { listen 127.0.0.1:8080; proxy_set_header Connection close; location ~ ^/(.+)$ { proxy_pass http://10.96.1.$1:${port}; } }`,
    )
    const seen = await watch(
      cable.proxy.namespace,
      async (helper) => {
        for (let wave = 0; wave < 6; wave++) {
          for (const n of range(1, 8)) await ask(2, 1, `/${wave * 8 + n}`)
          for (let i = 0; i < 2; i++) await helper.nextFrame()
        }
      },
      [],
      program,
    )
    await nginx.stop()
    const backends = seen.sum.backends
      .map(({ backend }) => backend.address)
      .filter((name) => name !== 'OTHER')
    assert.ok(backends.length > 16, `${backends.length} addresses had a row`)
    for (const backend of backends)
      assert.deepEqual(
        seen.wires[backend],
        { [FOUR.at(FOUR.pod(2), port)]: countsOf(seen, backend) },
        backend,
      )
    assert.ok(seen.retiredWires.length > 8, `${seen.retiredWires.length} were retired`)
    assert.equal(seen.sum.totals.requests, 96)
    assertReconciles(seen)
  })

  test('a report lists what nginx connected to, and behind it which pod is bad', async () => {
    port++
    await openPods(FOUR)
    await balance(FOUR, [2, 3])
    const target = FOUR.at(FOUR.cluster, port)
    const nginx = await proxyTo(target)
    const file = join(folder, 'pods.db')
    const main = join(ROOT, 'dist/main.js')
    const words = ['netns', 'exec', cable.proxy.namespace, process.execPath, main, 'record', '--out', file]
    const recorder = spawn('ip', words, { env: { ...process.env, SUDO_UID: '' } })
    const ended = once(recorder, 'exit')
    await Promise.race([saying(recorder, /^recording /m), ended])
    await ask(20)
    recorder.kill('SIGINT')
    await ended
    await nginx.stop()
    const text = await sh(process.execPath, main, 'report', file, '--format', 'json')
    const { backends } = JSON.parse(text) as { backends: readonly { backend: string; wire: unknown }[] }
    assert.deepEqual(
      backends.map(({ backend, wire }) => ({ backend, wire })),
      [
        {
          backend: target,
          wire: [
            { address: FOUR.at(FOUR.pod(2), port), connects: 10, requests: 10, failures: 0 },
            { address: FOUR.at(FOUR.pod(3), port), connects: 0, requests: 0, failures: 10 },
          ],
        },
      ],
    )
  })

  describe('with room for three', () => {
    let program: string
    before(async () => {
      program = await buildHelper(folder, '-DMAX_WIRES=4 -DRETIRE_AFTER=1')
    })

    test('pods come and go, and no count is lost or given to another; a pod with an open connection stays', async () => {
      port++
      for (const n of range(2, 7))
        await cable.far.call('listen', {
          address: FOUR.pod(n),
          port,
          rules: { '/long': { steps: [{ pause: 8000 }, { end: 'rst' }] } },
        })
      const target = FOUR.at(FOUR.cluster, port)
      const nginx = await proxyTo(target)
      const frames = async (helper: Helper, n: number): Promise<void> => {
        for (let i = 0; i < n; i++) await helper.nextFrame()
      }
      const seen = await watch(
        cable.proxy.namespace,
        async (helper) => {
          await balance(FOUR, [2])
          const long = ask(1, 1, '/long')
          await sleep(200)
          await balance(FOUR, [3, 4, 5])
          await ask(30)
          await frames(helper, 5)
          await balance(FOUR, [6, 7])
          await ask(20)
          await long
        },
        [],
        program,
      )
      await nginx.stop()
      const wires = seen.wires[target] ?? {}
      const all = (n: number) => ({ connects: n, requests: n, failures: 0 })
      const { [FOUR.at(FOUR.pod(5), port)]: none, ...others } = wires
      assert.equal(none, undefined, 'the fourth finds no room')
      assert.deepEqual(others, {
        [FOUR.at(FOUR.pod(2), port)]: { connects: 1, requests: 1, failures: 1 },
        [FOUR.at(FOUR.pod(3), port)]: all(10),
        [FOUR.at(FOUR.pod(4), port)]: all(10),
        [FOUR.at(FOUR.pod(6), port)]: all(10),
        [FOUR.at(FOUR.pod(7), port)]: all(10),
      })
      assert.deepEqual(countsOf(seen, target), { ...all(51), failures: 1 })
      assert.deepEqual(seen.retiredWires.slice(0, 2), [1, 2], 'those of pods 3 and 4')
      assert.ok(!seen.retiredWires.includes(0), 'pod 2 is in use to the end')
      assertNothingLost(seen)
      assertReconciles(seen)
    })

    test('other processes cannot take all of it', async () => {
      port++
      for (const n of range(2, 5)) await cable.far.call('listen', { address: FOUR.pod(n), port })
      await balance(FOUR, [2, 3, 4])
      const target = FOUR.at(FOUR.cluster, port)
      const nginx = await proxyTo(target)
      const seen = await watch(
        cable.proxy.namespace,
        async () => {
          const stranger = { address: FOUR.cluster, port, steps: [{ send: get('/') }, { answers: 1 }] }
          await cable.proxy.call('talkMany', [stranger, stranger, stranger])
          await balance(FOUR, [5])
          await ask(4)
        },
        [],
        program,
      )
      await nginx.stop()
      const { [FOUR.at(FOUR.pod(5), port)]: ours, ...theirs } = seen.wires[target] ?? {}
      assert.deepEqual(ours, { connects: 4, requests: 4, failures: 0 })
      const one = { connects: 1, requests: 1, failures: 0 }
      assert.deepEqual(Object.values(theirs), [one, one], 'half of the room is theirs')
      assert.equal(countsOf(seen, target).requests, 7)
      assertNothingLost(seen)
    })
  })
})

/** Resolves when the program has said this on stderr. */
const saying = (program: ChildProcessWithoutNullStreams, words: RegExp): Promise<void> =>
  new Promise((resolve) => {
    let said = ''
    program.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (words.test(said)) resolve()
    })
  })

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'

/** The backend's row has these; nginx's log agrees: a failure is any attempt without a status of the backend. */
function assertSumsAre(
  seen: Seen,
  target: string,
  counts: ReturnType<typeof countsOf>,
  attempts: readonly Attempt[],
): void {
  assert.deepEqual(countsOf(seen, target), counts)
  assert.equal(attempts.filter(({ connect }) => connect !== null).length, counts.connects)
  assert.equal(attempts.filter(({ status }) => status !== 200).length, counts.failures)
  assertNothingLost(seen)
  assertReconciles(seen)
}

const requestsAt = (ledger: Truth, address: string): number =>
  Object.entries(ledger)
    .filter(([row]) => row.startsWith(`${address} `))
    .reduce((sum, [, { requests }]) => sum + requests, 0)

/** Calls itself nginx, opens five connections, sends nothing, and waits for the peer's end. */
const HOLDER = `
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"nginx", 0, 0, 0)
held = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) for _ in range(5)]
for s in held:
    try: s.recv(1)
    except OSError: pass
    s.close()
`
