/** Probes are in nginx alone, and gone with the helper, however it ends; what nginx starts from may change meanwhile. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertEqualsTruth, truthOf } from './lab/compare.ts'
import { codeOf } from './lab/memory.ts'
import type { LabNginx } from './lab/nginx.ts'
import { LONG, sh } from './lab/system.ts'
import { lackingTls, READ, TlsLab, type OpenLeg } from './lab/tls-lab.ts'
import { startHelper, type Helper } from './lab/watch.ts'

const NGINX = '/usr/sbin/nginx'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const BOTH = ['ngx_ssl_write', 'ngx_ssl_recv'] as const

describe('TLS, harmless', { skip: lackingTls('python3', 'curl', 'objcopy', 'nm', 'pgrep') }, () => {
  const lab = new TlsLab(9600)
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tls-harmless-'))
  chmodSync(folder, 0o755)
  after(() => rmSync(folder, { recursive: true }))

  /** nginx's program in a file of its own: a recorder of another test sets no probe there. */
  async function programOf(name: string, place = join(folder, name)): Promise<string> {
    const fresh = join(folder, `${name}.new`)
    copyFileSync(NGINX, fresh)
    await sh('objcopy', '--add-section', `.lab=${import.meta.filename}`, fresh)
    renameSync(fresh, place)
    return place
  }
  const start = (leg: OpenLeg, program: string, daemon = false): Promise<LabNginx> =>
    lab.startNginx([leg], '', false, { program, daemon })
  const helper = (): Promise<Helper> => startHelper(lab.cable.proxy.namespace, READ)
  const codeIn = (pid: number, program: string): readonly string[] =>
    BOTH.map((symbol) => codeOf(pid, program, symbol))

  /** Resolves when the kernel has put the code back: links are freed a moment after their process. */
  async function restored(pid: number, program: string, original: readonly string[]): Promise<void> {
    for (let n = 0; n < 100 && String(codeIn(pid, program)) !== String(original); n++) await sleep(20)
    assert.deepEqual(codeIn(pid, program), original)
  }

  test('nginx has probes at its own two functions, nothing else of the same library has any, and none is left', async () => {
    const program = await programOf('alone')
    let python = 0
    const leg = await lab.open({
      listen: async (address, port) => (python = (await lab.pythonBackend(address, port)).pid!),
    })
    const nginx = await start(leg, program)
    const waiting = await lab.open({ rules: { '*': { steps: [{ end: 'hang' }] } } })
    const curl = spawn(
      'ip',
      [
        ...['netns', 'exec', lab.cable.far.namespace],
        ...['curl', '-sk', '-m', '60', `https://${waiting.backend}/`],
      ],
      { stdio: 'ignore' },
    )
    const worker = (await nginx.workers())[0]!
    const of = (pid: number): readonly string[] =>
      ['SSL_read', 'SSL_write', 'SSL_do_handshake'].map((symbol) => codeOf(pid, 'libssl.so.3', symbol))
    await lab.ask(leg, [get('/bytes/10')], 8)
    const before = [worker, python, curl.pid!].map(of)
    const original = codeIn(worker, program)
    for (const end of ['stop', 'kill'] as const) {
      const recorder = await helper()
      await lab.ask(leg, [get('/bytes/10')], 8)
      for (const [i, code] of codeIn(worker, program).entries()) {
        assert.notEqual(code, original[i], BOTH[i])
        // One instruction at most.
        assert.equal(code.slice(8), original[i]!.slice(8), BOTH[i])
      }
      assert.deepEqual([worker, python, curl.pid!].map(of), before)
      await recorder[end]()
      await restored(worker, program, original)
      assert.deepEqual([worker, python, curl.pid!].map(of), before)
    }
    assert.deepEqual(new Set(await lab.ask(leg, [get('/bytes/10')], 8)), new Set([200]))
    const ended = once(curl, 'exit')
    curl.kill('SIGKILL')
    await ended
  })

  test('kill -9 again and again under load: no probe is left, and nginx answers all', async () => {
    const program = await programOf('killed')
    const leg = await lab.open({ rules: { '/large': { steps: [{ send: LARGE }] } } })
    const nginx = await start(leg, program)
    const workers = await nginx.workers()
    const original = codeIn(workers[0]!, program)
    const over = new AbortController()
    const codes = new Map<number, number>()
    const load = (async () => {
      while (!over.signal.aborted) {
        for (const code of await lab.ask(leg, [get('/a'), get('/b'), get('/large')], 20))
          codes.set(code, (codes.get(code) ?? 0) + 1)
        // Helpers start beside it.
        await sleep(50)
      }
    })()
    for (let n = 0; n < (LONG ? 100 : 8); n++) {
      const recorder = await helper()
      assert.notDeepEqual(codeIn(workers[0]!, program), original)
      await sleep(Math.random() * 50)
      await recorder.kill()
      await restored(workers[0]!, program, original)
    }
    over.abort()
    await load
    assert.deepEqual([...codes.keys()], [200])
    assert.deepEqual(await nginx.workers(), workers, 'no worker has fallen')
    assert.equal(nginx.attempts().filter(({ status }) => status !== 200).length, 0)
  })

  test('nginx from two program files, and one of them is removed', async () => {
    const programs = [await programOf('first'), await programOf('second')]
    const legs = [await lab.open(), await lab.open({ fresh: true })]
    const nginxes = [await start(legs[0]!, programs[0]!), await start(legs[1]!, programs[1]!)]
    rmSync(programs[1]!)
    const { seen } = await lab.watch(() =>
      Promise.all(legs.map((leg) => lab.ask(leg, [get('/a'), get('/b')], 20))),
    )
    assertEqualsTruth(seen, truthOf(nginxes.flatMap((nginx) => nginx.attempts())))
    assert.equal(seen.sum.totals.requests, 80)
  })

  test('reload, and USR2 to another program, while it is recorded', async () => {
    const program = await programOf('upgraded')
    const leg = await lab.open()
    const nginx = await start(leg, program, true)
    const load = async (): Promise<void> => {
      await lab.ask(leg, [get('/a'), get('/b')], 10)
    }
    const { seen } = await lab.watch(async (recorder) => {
      await load()
      const first = await nginx.workers()
      process.kill(nginx.master(), 'SIGHUP')
      await until(async () => String(await nginx.workers()) !== String(first))
      await load()
      const before = nginx.master()
      await programOf('upgraded')
      process.kill(before, 'SIGUSR2')
      await until(() => nginx.master() !== 0 && nginx.master() !== before)
      process.kill(before, 'SIGQUIT')
      await until(() => recorder.remarks.some((text) => text.includes(`${program} is read within TLS`)))
      await load()
      process.kill(nginx.master(), 'SIGHUP')
      await sleep(300)
      await load()
    })
    assertEqualsTruth(seen, truthOf(nginx.attempts()))
    assert.equal(seen.sum.totals.requests, 80)
  })
})

const LARGE = `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; !(await condition()); n++) {
    if (n > 500) throw new Error('it did not happen within 10 s')
    await sleep(20)
  }
}
