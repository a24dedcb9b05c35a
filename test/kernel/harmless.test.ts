/** Packets and other programs are not affected, and nothing stays attached: ARCHITECTURE.md, "Invariants". */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertEqualsTruth, rowsOf } from './lab/compare.ts'
import { countLeft, linksOf } from './lab/links.ts'
import { Cable, range } from './lab/network.ts'
import type { Truth } from './lab/protocol.ts'
import { atInterfacesOnly, BY_GROUP, inside, lacking, PROBE, sh } from './lab/system.ts'
import { attachedTo, dropEvery, dropNothing, attachTcxProgram } from './lab/impairments.ts'
import { startHelper, watch } from './lab/watch.ts'

const FAR = '10.77.0.2'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('harmless', { skip: lacking('tc', 'clang', 'gcc', 'setpriv', 'nsenter', 'bpftool') }, () => {
  let cable: Cable
  let port = 8700
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  const load = async (times = 50): Promise<Truth> => {
    port++
    await cable.far.call('listen', { address: FAR, port })
    await cable.proxy.call('ask', { address: FAR, port, requests: [get('/x')], times, connections: 2 })
    return { [`${FAR}:${port} GET /x`]: { requests: times, codes: { 200: times } } }
  }

  test('another tcx program on the same hooks sees the same packets as without the helper', async () => {
    for (const hook of ['ingress', 'egress'] as const) {
      const other = await attachTcxProgram(cable.proxy.namespace, 'leg', hook, 1_000_000)
      await load()
      const alone = await other.stop()
      const beside = await attachTcxProgram(cable.proxy.namespace, 'leg', hook, 1_000_000)
      let truth: Truth = {}
      const seen = await watch(cable.proxy.namespace, async () => (truth = await load()))
      assert.equal(alone, 50)
      assert.equal(await beside.stop(), alone)
      assertEqualsTruth(seen, truth)
    }
  })

  test('another tcx program goes on while the helper is attached, detached and killed', async () => {
    const other = await attachTcxProgram(cable.proxy.namespace, 'leg', 'egress', 1_000_000)
    const helper = await startHelper(cable.proxy.namespace)
    await load(30)
    await helper.stop()
    await load(20)
    const killed = await startHelper(cable.proxy.namespace)
    await load(10)
    await killed.kill()
    await load(40)
    assert.equal(await other.stop(), 100)
  })

  test('a tc drop filter drops while the helper is attached, detached and killed', async () => {
    // The filter drops every payload segment: there is no answer.
    const codes = async (): Promise<readonly number[]> => {
      const talk = {
        address: FAR,
        port,
        steps: [{ send: get('/dropped') }, { pause: 300 }, { end: 'rst' as const }],
      }
      return (await cable.proxy.call('talk', talk)).codes
    }
    port++
    await cable.far.call('listen', { address: FAR, port })
    await dropEvery(cable.proxy.namespace, 'leg', 'egress', 1, port)
    assert.deepEqual(await codes(), [], 'without the helper')
    const helper = await startHelper(cable.proxy.namespace)
    assert.deepEqual(await codes(), [], 'attached')
    await helper.stop()
    assert.deepEqual(await codes(), [], 'detached')
    const killed = await startHelper(cable.proxy.namespace)
    await killed.kill()
    assert.deepEqual(await codes(), [], 'killed')
    await dropNothing(cable.proxy.namespace, 'leg')
    assert.deepEqual(await codes(), [200], 'without the filter')
  })

  test(
    'nothing stays attached after a clean end, nor after kill -9',
    { skip: atInterfacesOnly },
    async () => {
      const chains = async (): Promise<readonly number[]> => [
        ...(await attachedTo(cable.proxy.namespace, 'leg')),
        ...(await attachedTo(cable.proxy.namespace, 'lo')),
      ]
      assert.deepEqual(await chains(), [0, 0, 0, 0])
      const helper = await startHelper(cable.proxy.namespace)
      assert.deepEqual(await chains(), [1, 1, 1, 1])
      await helper.stop()
      assert.deepEqual(await chains(), [0, 0, 0, 0])
      const killed = await startHelper(cable.proxy.namespace)
      await killed.kill()
      for (let i = 0; i < 20 && (await chains()).some((count) => count > 0); i++) await sleep(50)
      assert.deepEqual(await chains(), [0, 0, 0, 0])
    },
  )

  for (const how of ['a clean end', 'kill -9'])
    test(`no link of any kind is left after ${how}`, async () => {
      const helper = await startHelper(cable.proxy.namespace)
      const links = linksOf(helper.pid)
      const kinds = links.map(({ kind }) => kind).sort()
      // Three hooks of the root control group, four tracing programs; the packets at two interfaces, or at the root, too.
      const packets = BY_GROUP ? ['cgroup', 'cgroup'] : ['tcx', 'tcx', 'tcx', 'tcx']
      const others = [...Array<string>(3).fill('cgroup'), ...Array<string>(4).fill('raw_tracepoint')]
      assert.deepEqual(kinds, [...packets, ...others].sort())
      assert.equal(await countLeft(links), links.length)
      if (how === 'kill -9') await helper.kill()
      else await helper.stop()
      for (let i = 0; i < 40 && (await countLeft(links)) > 0; i++) await sleep(50)
      assert.equal(await countLeft(links), 0)
    })

  test('the running helper has no capability, cannot regain one, and does not run as root', async () => {
    const helper = await startHelper(cable.proxy.namespace)
    const status = readFileSync(`/proc/${helper.pid}/status`, 'utf8')
    await helper.stop()
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
      assert.equal(field(set), '0000000000000000', set)
    assert.equal(field('NoNewPrivs'), '1')
    const [uid = '0'] = field('Uid')?.split('\t') ?? []
    assert.notEqual(uid, '0')
    assert.equal(field('Uid'), `${uid}\t${uid}\t${uid}\t${uid}`)
  })

  test('it ignores other signals and ends when its stdin closes', async () => {
    let truth: Truth = {}
    const seen = await watch(cable.proxy.namespace, async (helper) => {
      for (const signal of ['SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGUSR1', 'SIGUSR2'] as const)
        process.kill(helper.pid, signal)
      await sleep(100)
      truth = await load()
    })
    assertEqualsTruth(seen, truth)
    assert.notEqual(seen.bye, null)
  })

  for (const [what, capabilities] of [
    ['three capabilities', ['+bpf', '+net_admin', '+perfmon']],
    ['the capabilities that make install gives', ['+bpf', '+net_admin', '+perfmon', '+sys_ptrace']],
  ] as const)
    test(`${what} are enough`, () => recordsWith(capabilities.join(',')))

  async function recordsWith(caps: string): Promise<void> {
    const grant = [
      '--reuid=65534',
      '--clear-groups',
      `--inh-caps=-all,${caps}`,
      `--ambient-caps=-all,${caps}`,
    ]
    // In the mounts of this process: `ip netns exec` hides the control groups, and only CAP_SYS_PTRACE finds them elsewhere.
    const mounts = [`--mount=/proc/${process.pid}/ns/mnt`, 'setpriv']
    const helper = await startHelper(cable.proxy.namespace, [...mounts, ...grant, PROBE], 'nsenter')
    const { bye } = await helper.stop()
    assert.deepEqual(helper.hello.unseen, [])
    assert.equal(bye, 'stdin closed')
  }

  test('without rights it names the missing ones, and how to get them', async () => {
    const script = `setpriv --reuid=65534 --clear-groups --bounding-set=-all ${PROBE} </dev/null 2>&1; echo "exit $?"`
    const output = await inside(cable.proxy.namespace, 'sh', '-c', script)
    assert.match(output, /CAP_BPF, CAP_NET_ADMIN(,| and) CAP_PERFMON/)
    assert.match(output, /sudo|make install/)
    assert.match(output, /exit 4/)
  })

  test('two helpers at the same time count the same', async () => {
    let truth: Truth = {}
    let inner: Awaited<ReturnType<typeof watch>> | null = null
    const outer = await watch(cable.proxy.namespace, async () => {
      inner = await watch(cable.proxy.namespace, async () => (truth = await load()))
    })
    assertEqualsTruth(outer, truth)
    assert.deepEqual(rowsOf(inner!), rowsOf(outer))
  })

  test('an idle second is a frame too, and each frame begins where the one before ends', async () => {
    const seen = await watch(cable.proxy.namespace, () => sleep(3300))
    assert.ok(seen.frames.length >= 3, `${seen.frames.length} frames`)
    for (const n of range(1, seen.frames.length - 1)) {
      const [before, frame] = [seen.frames[n - 1]!, seen.frames[n]!]
      const end = Number(before.mono / 1000n) + before.length
      assert.ok(Math.abs(Number(frame.mono / 1000n) - end) <= 1, `frame ${n} begins where ${n - 1} ends`)
      assert.deepEqual(frame.traffic, [])
    }
  })

  test('processes of nobody can neither stop nor kill the helper', async () => {
    const helper = await startHelper(cable.proxy.namespace)
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups']
    for (const signal of ['STOP', 'TERM', 'KILL'])
      await assert.rejects(sh('setpriv', ...nobody, 'kill', `-${signal}`, String(helper.pid)), /permitted/)
    await helper.nextFrame()
    assert.equal((await helper.stop()).bye, 'stdin closed')
  })
})
