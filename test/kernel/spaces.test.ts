/** nginx in other namespaces: found from the host, whatever network, pid, mount and control group namespace it is in. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { Check } from '../../src/record/doctor/diagnosis.ts'
import type { NginxEntry } from '../../src/record/doctor/every-nginx.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { LabNginxes, type LabNginx } from './lab/nginx.ts'
import { lacking, PROBE, ROOT, sh } from './lab/system.ts'

const NGINX = '/usr/sbin/nginx'
/** Both namespaces use the same addresses. */
const HTTP = `upstream api { server 127.0.0.1:9001; server 127.0.0.1:9002 backup; }
  server { listen 127.0.0.1:8080; listen [::]:8081; location / { proxy_pass http://api; } }`
const STATIC = 'server { listen 8090; }'

/** Groups as container runtimes, Kubernetes and systemd make them, below the root of cgroup2. */
const ID = 'a1b2c3d4e5f6'.padEnd(64, '0')
const POD = '01234567_89ab_cdef_0123_456789abcdef'
const GROUPS: Readonly<Record<string, string>> = {
  'Docker, by systemd': `system.slice/docker-${ID}.scope`,
  'Docker, by cgroupfs': `docker/${ID}`,
  'containerd in Kubernetes': `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD}.slice/cri-containerd-${ID}.scope`,
  'Kubernetes, by cgroupfs': `kubepods/besteffort/pod${POD.replaceAll('_', '-')}/${ID}`,
  'CRI-O': `kubepods.slice/kubepods-pod${POD}.slice/crio-${ID}.scope`,
  systemd: 'system.slice/nginx.service',
}

const DRIVER = `${ROOT}test/kernel/bpf/namespaces.c`
/** The leak checker traces the process, which a sandbox may forbid. */
const SANITIZED = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }

interface FoundNginx {
  readonly pid: number
  readonly program: string
  readonly configuration: string
  readonly netns: number
  readonly doors: readonly string[]
  readonly upstreams: readonly { readonly target: string; readonly examples: readonly string[] }[]
}

describe('nginx in other namespaces', { skip: lacking('unshare', 'gcc', 'setpriv') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-spaces-'))
  const nginxes = new LabNginxes()
  let web: string
  let shop: string
  before(async () => {
    web = await makeNamespace('web')
    shop = await makeNamespace('shop')
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await removeNamespace(web)
    await removeNamespace(shop)
  })

  const start = (namespace: string, http: string, program = NGINX): Promise<LabNginx> =>
    nginxes.start(namespace, http, false, { program })
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

  test('doctor names each with its namespace, and with what it is seen', async () => {
    const outside = await start(web, HTTP)
    const own = await start(shop, HTTP)
    const { stdout } = spawnSync(
      'ip',
      [
        ...['netns', 'exec', shop, process.execPath, join(ROOT, 'dist/main.js')],
        ...['doctor', '--format', 'json', '--secs', '0'],
      ],
      { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` } },
    )
    const { checks, nginx } = JSON.parse(stdout) as {
      checks: readonly Check[]
      nginx: readonly NginxEntry[]
    }
    const entryOf = (of: LabNginx): NginxEntry | undefined => nginx.find(({ pid }) => pid === of.master())
    assert.deepEqual(
      [outside, own].map((one) => [entryOf(one)?.namespace, entryOf(one)?.seen_with]),
      [
        [web, ['--attach cgroup', `sudo ip netns exec ${web} upstreamtop record …`]],
        [shop, []],
      ],
    )
    const lineOf = (of: LabNginx): Check | undefined =>
      checks.find(({ what }) => what.startsWith(`${NGINX} (pid ${of.master()}) in`))
    assert.match(lineOf(own)?.what ?? '', /^\S+ \(pid \d+\) in this network namespace/)
    assert.equal(lineOf(own)?.state, 'ok')
    const { what = '', remedy } = lineOf(outside) ?? {}
    assert.ok(what.includes(` in network namespace ${web}`), what)
    assert.ok(what.includes(`; configuration ${outside.folder}/nginx.conf; listens on `), what)
    assert.ok(what.endsWith('; passes requests on to "http://api" (127.0.0.1:9001, 127.0.0.1:9002)'), what)
    assert.match(remedy ?? '', /^it is seen with --attach cgroup, or from within: sudo ip netns exec /)
  })

  describe('the control group of the process that connected', () => {
    const program = join(folder, 'namespaces')
    /** looks again each time */
    const impatient = join(folder, 'impatient')
    const top = `upstreamtop-${process.pid}`
    const root = rootOfGroups()
    let asked = 4_026_500_000
    before(async () => {
      const names = ['helper/group-paths', 'helper/namespaces', 'helper/json', 'helper/die']
      const sources = names.map((name) => `${ROOT}bpf/${name}.c`)
      const flags = ['-g', '-O1', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', `-I${ROOT}bpf`]
      const build = (to: string, ...more: readonly string[]): Promise<string> =>
        sh('gcc', ...flags, '-fsanitize=address,undefined', ...more, DRIVER, ...sources, '-o', to)
      await build(program)
      await build(impatient, '-DLOOK_AGAIN_NS=1')
      chmodSync(folder, 0o755)
    })
    after(() => removeGroups(join(root, top)))

    /** As the helper does while it records: without rights. */
    function ask(
      ...rows: readonly (readonly [netns: number, group: number, pid: number])[]
    ): readonly NamespaceLine[] {
      const { stdout, stderr } = spawnSync('setpriv', ['--reuid=65534', '--clear-groups', program, root], {
        encoding: 'utf8',
        input: rows.map((row) => row.join(' ')).join('\n'),
        env: SANITIZED,
      })
      assert.equal(stderr, '')
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as NamespaceLine)
        .filter(({ type }) => type === 'namespace')
    }

    for (const [what, group] of Object.entries(GROUPS))
      test(`${what}: its path is told, also after the process has ended`, async () => {
        const place = join(root, top, group)
        mkdirSync(place, { recursive: true })
        const { ino } = statSync(place)
        const child = spawn('sleep', ['60'])
        writeFileSync(join(place, 'cgroup.procs'), String(child.pid))
        const path = `/${top}/${group}`
        assert.deepEqual(ask([++asked, ino, child.pid!]), [{ type: 'namespace', id: asked, cgroup: path }])
        const exited = once(child, 'exit')
        child.kill()
        await exited
        assert.deepEqual(ask([++asked, ino, child.pid!]), [{ type: 'namespace', id: asked, cgroup: path }])
      })

    test('a process that is another one by now says nothing, and a group that is gone has no path', () => {
      const place = join(root, top, 'other.service')
      mkdirSync(place, { recursive: true })
      const { ino } = statSync(place)
      const [line] = ask([++asked, ino, process.pid])
      assert.equal(line?.cgroup, `/${top}/other.service`)
      rmdirSync(place)
      assert.deepEqual(ask([++asked, ino, process.pid]), [{ type: 'namespace', id: asked }])
    })

    test('where cgroup2 has no group of it, the longest path of the other hierarchies is taken', () => {
      const others = readFileSync('/proc/self/cgroup', 'utf8')
        .split('\n')
        .map((line) => /^[1-9]\d*:[^:]*:(\/.+)$/.exec(line)?.[1] ?? '')
        .sort((a, b) => b.length - a.length)
      const unified = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
      if (unified !== '/') return
      assert.equal(ask([++asked, statSync(root).ino, process.pid])[0]?.cgroup ?? '', others[0])
    })

    test('a row is stale when its group is gone, or if it never told one; that of another is looked at', async (t) => {
      const [first, second] = ['first', 'second'].map((name) => join(root, top, `${name}.service`)) as [
        string,
        string,
      ]
      const groups = [first, second].map((place) => {
        mkdirSync(place, { recursive: true })
        return statSync(place).ino
      })
      const id = ++asked
      const driver = spawn(impatient, [root], { stdio: ['pipe', 'pipe', 'inherit'], env: SANITIZED })
      const lines = createInterface({ input: driver.stdout })[Symbol.asyncIterator]()
      const say = async (group: number): Promise<readonly unknown[]> => {
        driver.stdin.write(`${id} ${group} ${process.pid}\n`)
        const said: unknown[] = []
        for (let last = false; !last;) {
          const { value } = (await lines.next()) as { value: string }
          const line = JSON.parse(value) as NamespaceLine & { readonly stale?: boolean }
          said.push(line.stale ?? line.cgroup ?? 'no group')
          last = line.stale !== undefined
        }
        return said
      }
      t.after(() => driver.kill('SIGKILL'))
      /** A search takes 20 ms at most, in which a busy machine finds nothing: then the row is stale, and asked for again. */
      const found = async (group: number): Promise<readonly unknown[]> => {
        for (let tries = 0; tries < 50; tries++) {
          const said = await say(group)
          if (said.at(-1) === false) return said
        }
        return ['not found']
      }
      const [one = 0, two = 0] = groups
      assert.deepEqual(await found(one), [`/${top}/first.service`, false])
      assert.deepEqual(await say(one), [false])
      rmdirSync(first)
      assert.deepEqual(await say(one), [true])
      assert.deepEqual(await found(two), [`/${top}/second.service`, false])
      assert.deepEqual(await say(1_000_000), ['no group', false])
      assert.deepEqual(await say(1_000_000), [true])
      const exited = once(driver, 'exit')
      driver.stdin.end()
      await exited
    })

    test('a link to the namespace of a process names it, until the process ends; no other link is followed', async () => {
      const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 60'])
      await once(child.stdout, 'data')
      const id = statSync(`/proc/${child.pid!}/ns/net`).ino
      const link = `linked-${process.pid}`
      const targets = {
        [link]: `/proc/${child.pid!}/ns/net`,
        [`${link}-x`]: `/proc/self/../${child.pid!}/ns/net`,
      }
      for (const [name, target] of Object.entries(targets)) symlinkSync(target, `/run/netns/${name}`)
      const driver = spawn(program, [root], { stdio: ['pipe', 'pipe', 'inherit'], env: SANITIZED })
      const lines = createInterface({ input: driver.stdout })[Symbol.asyncIterator]()
      const say = async (): Promise<unknown> => {
        driver.stdin.write(`${id} 0 0\n`)
        const [said] = [await lines.next(), await lines.next()] as { value: string }[]
        return JSON.parse(said!.value)
      }
      try {
        assert.deepEqual(await say(), { type: 'namespace', id, names: [link] })
        const exited = once(child, 'exit')
        child.kill()
        await exited
        assert.deepEqual(await say(), { type: 'namespace', id })
      } finally {
        for (const name of Object.keys(targets)) rmSync(`/run/netns/${name}`)
        const ended = once(driver, 'exit')
        driver.stdin.end()
        await ended
      }
    })

    test('names of ip netns are told, and the same words once only', () => {
      const id = netnsOf(web)
      assert.deepEqual(ask([id, 0, 0], [id, 0, 0]), [{ type: 'namespace', id, names: [web] }])
    })
  })
})

interface NamespaceLine {
  readonly type: string
  readonly id: number
  readonly names?: readonly string[]
  readonly cgroup?: string
}

function rootOfGroups(): string {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
  return mounted.find(([, , type]) => type === 'cgroup2')?.[1] ?? ''
}

function removeGroups(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroups(join(folder, entry.name))
  rmdirSync(folder)
}
