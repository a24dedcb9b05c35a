/** By control group: a namespace without a name is called what the group of its nginx tells, as runtimes make them. nginx's log is the truth. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GROUPS, lackingGroups } from './lab/groups.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { lacking, sh } from './lab/system.ts'
import { watch, type Seen } from './lab/watch.ts'

const ID = 'a1b2c3d4e5f6'.padEnd(64, '0')
const UID = '01234567_89ab_cdef_0123_456789abcdef'
const PLACES: Readonly<Record<string, string>> = {
  [`system.slice/docker-${ID}.scope`]: 'a1b2c3d4e5f6',
  [`kubepods.slice/kubepods-pod${UID}.slice/cri-containerd-${ID.replace('a1', 'c0')}.scope`]: 'c0b2c3d4e5f6',
  [`kubepods.slice/kubepods-pod${UID}.slice/crio-${ID.replace('a1', 'd0')}.scope`]: 'd0b2c3d4e5f6',
  [`kubepods/burstable/pod${UID.replaceAll('_', '-')}`]: UID.replaceAll('_', '-'),
  'lxc.payload.web': 'web',
  'system.slice/nginx@shop.service': 'nginx@shop.service',
}

/** An nginx with a backend, both in a network namespace that has no name, and in a control group. */
class Box {
  readonly folder = mkdtempSync(join(tmpdir(), 'upstreamtop-box-'))
  readonly #running: ChildProcess[] = []
  readonly #place: string

  constructor(readonly group: string) {
    this.#place = join(GROUPS!, group)
  }

  async start(): Promise<void> {
    mkdirSync(this.#place, { recursive: true })
    this.#configure('proxy', 8080, 'proxy_pass http://127.0.0.1:9001;')
    this.#configure('backend', 9001, 'return 200 ok;')
    const within = `ip link set lo up; exec ${this.#nginx('proxy')}`
    this.#run('sh', '-c', `echo $$ > ${this.#place}/cgroup.procs; exec unshare -n sh -c '${within}'`)
    await this.#isUp('proxy')
    this.#run('nsenter', '-t', this.pid, '-n', 'sh', '-c', `exec ${this.#nginx('backend')}`)
    await this.#isUp('backend')
  }

  get pid(): string {
    return readFileSync(join(this.folder, 'proxy.pid'), 'utf8').trim()
  }

  /** By a process from outside, which is the first to connect from that namespace, and has no group that tells it. */
  async ask(times: number): Promise<void> {
    const request = `exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /x HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`
    for (let i = 0; i < times; i++) await sh('nsenter', '-t', this.pid, '-n', 'bash', '-c', request)
  }

  get attempts(): number {
    return readFileSync(join(this.folder, 'proxy.log'), 'utf8').split('\n').length - 1
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    while (readFileSync(join(this.#place, 'cgroup.procs'), 'utf8') !== '') await sleep(20)
    rmSync(this.folder, { recursive: true })
  }

  #configure(name: string, port: number, location: string): void {
    const file = (ending: string): string => join(this.folder, `${name}.${ending}`)
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (of) => `${of}_temp_path ${of};`,
    )
    writeFileSync(
      file('conf'),
      `daemon off; pid ${file('pid')}; error_log stderr crit; worker_processes 1; events {}
       http { access_log ${file('log')}; ${temporary.join(' ')}
         server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
    )
  }

  #nginx(name: string): string {
    return `/usr/sbin/nginx -p ${this.folder}/ -c ${name}.conf`
  }

  #run(...[program = '', ...words]: readonly string[]): void {
    this.#running.push(spawn(program, words, { stdio: 'ignore' }))
  }

  async #isUp(name: string): Promise<void> {
    const file = join(this.folder, `${name}.pid`)
    for (let i = 0; i < 100 && !(existsSync(file) && readFileSync(file, 'utf8') !== ''); i++) await sleep(30)
  }
}

const rowsOf = ({ sum }: Seen): Readonly<Record<string, number>> =>
  Object.fromEntries(
    sum.backends.flatMap(({ backend, requests }) =>
      backend.address === '127.0.0.1:9001' ? [[backend.namespace ?? String(backend.netns), requests]] : [],
    ),
  )

describe('names of namespaces that have none', { skip: lacking('unshare', 'bash') || lackingGroups }, () => {
  const top = `upstreamtop-names-${process.pid}`
  let host: string
  before(async () => (host = await makeNamespace('host')))
  after(async () => {
    removeGroups(join(GROUPS!, top))
    await removeNamespace(host)
  })

  test('each has the name that its control group tells, whoever connected first', async () => {
    const boxes = Object.keys(PLACES).map((place) => new Box(`${top}/${place}`))
    for (const box of boxes) await box.start()
    const seen = await watch(
      host,
      async (helper) => {
        for (const [i, box] of boxes.entries()) await box.ask(i + 1)
        await helper.nextFrame()
        await helper.nextFrame()
        for (const box of boxes) await box.ask(1)
      },
      ['--attach', 'cgroup'],
    )
    const attempts = boxes.map((box) => box.attempts)
    for (const box of boxes) await box.stop()
    const rows = rowsOf(seen)
    Object.values(PLACES).forEach((label, i) => assert.equal(rows[label], attempts[i], label))
  })

  test('a container that comes where another was is another one, even under the same number', async () => {
    const seen = await watch(
      host,
      async (helper) => {
        for (const name of ['first', 'second']) {
          const box = new Box(`${top}/system.slice/${name}.service`)
          await box.start()
          await box.ask(5)
          await helper.nextFrame()
          await box.stop()
          removeGroups(join(GROUPS!, box.group))
          // The kernel forgets who connected first within ten seconds.
          for (let i = 0; name === 'first' && i < 12; i++) await helper.nextFrame()
        }
      },
      ['--attach', 'cgroup'],
    )
    const rows = rowsOf(seen)
    assert.deepEqual([rows['first.service'], rows['second.service']], [5, 5])
  })
})

function removeGroups(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(folder, entry.name))
  rmdirSync(folder)
}
