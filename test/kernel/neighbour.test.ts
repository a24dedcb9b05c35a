/**
 * Any user of the host can name a process nginx: the helper reads no file with its rights for such a process, is not blocked by
 * it, and still finds the real nginx.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { buildHelper } from './lab/build.ts'
import { hostileConfigurations } from './lab/configurations.ts'
import {
  buildStatic,
  mountSilent,
  startNeighbour,
  type Neighbour,
  type NeighbourOptions,
} from './lab/neighbour.ts'
import { makeNamespace, removeNamespace, range } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { lacking, PROBE, ROOT, sh } from './lab/system.ts'
import { attachedTo } from './lab/impairments.ts'
import { startHelper } from './lab/watch.ts'

const NOBODY = 65534
const SECRET = 'https://root-only-secret'
/** The capabilities that `make install` sets. */
const CAPABILITIES = '+bpf,+net_admin,+perfmon,+sys_ptrace'
/** Only ends a test that hangs: the helper takes at most two seconds. */
const PATIENCE_MS = 30_000

const PROXYING = 'server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9; } }'

interface Facts {
  readonly nginx: string
  readonly nginx_warning: string
  readonly front_doors: readonly number[]
  /** why some may be missing */
  readonly upstreams_unlisted: string
  readonly upstreams: readonly { readonly pass: string; readonly target: string }[]
}

const upstreamsIn = ({ upstreams }: Facts): readonly string[] =>
  upstreams.map(({ pass, target }) => `${pass} ${target}`)

describe('a hostile neighbour', { skip: lacking('gcc', 'setpriv', 'mkfifo') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-neighbour-'))
  const program = join(folder, 'nginx')
  let slowHelper: string
  const secret = join(folder, 'secret.conf')
  const silentPlace = join(folder, 'silent-place')
  let namespace: string
  before(async () => {
    chmodSync(folder, 0o755)
    await buildStatic('neighbour.c', program)
    await buildStatic('silent.c', join(folder, 'silent'))
    slowHelper = await buildHelper(join(folder, 'slow'), '-DDISCOVERY_MS=20000', [])
    writeFileSync(secret, `proxy_pass ${SECRET};\n`, { mode: 0o600 })
    namespace = await makeNamespace('n')
  })
  after(async () => {
    await removeNamespace(namespace)
    rmSync(folder, { recursive: true, force: true })
  })

  /** Everything that a test starts is stopped after it. */
  const started: { stop(): Promise<void> }[] = []
  afterEach(async () => {
    for (const one of started.splice(0).reverse()) await one.stop()
  })
  async function stopAfterTest<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const one = await starting
    started.push(one)
    return one
  }
  const realNginx = (): Promise<LabNginx> => stopAfterTest(startLabNginx(namespace, PROXYING))
  const neighbour = (options: NeighbourOptions): Promise<Neighbour> =>
    stopAfterTest(startNeighbour(namespace, options))
  const silentServer = (silent: 'lookup' | 'read'): Promise<Neighbour> =>
    stopAfterTest(mountSilent(join(folder, 'silent'), silentPlace, silent))

  /** A folder that everybody can write to. */
  function sharedFolder(name: string): string {
    const place = join(folder, name)
    mkdirSync(place)
    chmodSync(place, 0o777)
    return place
  }

  /** The facts of a helper with a long time limit: on a busy machine two seconds are short. */
  const inspect = (...before: readonly string[]): Facts => inspectWith(slowHelper, ...before)

  /** A helper that hangs is killed, and the test fails. */
  function inspectWith(probe: string, ...before: readonly string[]): Facts {
    const { status, stdout, stderr } = spawnSync(
      'ip',
      ['netns', 'exec', namespace, ...before, probe, '--doctor'],
      { encoding: 'utf8', timeout: PATIENCE_MS, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'pipe'] },
    )
    assert.equal(status, 0, `doctor ends by itself: ${stderr}`)
    assert.ok(!stdout.includes('root-only-secret'), stdout)
    return JSON.parse(stdout) as Facts
  }

  for (const [what, make] of Object.entries(hostileConfigurations(folder, secret)))
    test(`a configuration that ${what} is not read, and the real nginx's listen port is found`, async () => {
      const place = sharedFolder(what.replaceAll(/\W/g, '-'))
      await make(place)
      await realNginx()
      // If the real one were not root's, this one would be inspected before it.
      await neighbour({
        program,
        args: ['-c', join(place, 'nginx.conf')],
        words: 'listen=8081',
        user: NOBODY,
      })
      const facts = inspect()
      assert.deepEqual([facts.nginx, facts.front_doors], ['known', [8080]], facts.nginx_warning)
      assert.match(facts.nginx_warning, /listens on 8081.*--ignore PORT/)
      assert.match(facts.upstreams_unlisted, /^the configuration of nginx \d+ (could|is|includes)/)
    })

  test('the readable configuration of an unprivileged nginx is read, with its includes', async () => {
    const place = sharedFolder('honest')
    mkdirSync(join(place, 'conf.d'))
    writeFileSync(join(place, 'nginx.conf'), 'events {}\nhttp { include conf.d/*.conf; }\n')
    writeFileSync(join(place, 'conf.d/one.conf'), 'server { location / { proxy_pass https://10.0.0.9; } }\n')
    await neighbour({
      program,
      args: ['-c', join(place, 'nginx.conf')],
      words: 'listen=8082',
      user: NOBODY,
    })
    const facts = inspect()
    assert.deepEqual(facts.front_doors, [8082])
    assert.deepEqual(upstreamsIn(facts), ['proxy_pass https://10.0.0.9'])
    assert.equal(facts.nginx_warning, '')
  })

  test('thousands of processes named nginx do not hide the real one', async () => {
    await neighbour({ program, words: 'copies=4500', user: NOBODY })
    await realNginx()
    const facts = inspect()
    assert.deepEqual([facts.nginx, facts.front_doors], ['known', [8080]], facts.nginx_warning)
  })

  test("many processes of one user do not hide another user's nginx", async () => {
    const place = sharedFolder('of-a-user')
    writeFileSync(join(place, 'nginx.conf'), 'proxy_pass http://10.0.0.9;\n')
    await neighbour({ program, words: 'copies=1000', user: NOBODY })
    const args = ['-c', join(place, 'nginx.conf')]
    await neighbour({ program, args, words: 'listen=8083', user: 1234 })
    const facts = inspect()
    assert.deepEqual(facts.front_doors, [8083], facts.nginx_warning)
  })

  describe("a setuid program of root's", () => {
    /** @param real whether it takes root as its real uid, as sudo does */
    const assertReadsNothing = async (file: string, real: boolean): Promise<void> => {
      chownSync(file, 0, 0)
      chmodSync(file, 0o4755)
      const fake = await neighbour({
        program: file.endsWith('nginx') ? file : linkTo(file),
        args: ['-c', secret],
        words: `listen=8084${real ? ' root' : ''}`,
        user: NOBODY,
      })
      const uids = /^Uid:\t(\d+)\t(\d+)/m.exec(readFileSync(`/proc/${fake.pid}/status`, 'utf8'))
      const facts = inspect()
      assert.deepEqual(
        uids?.slice(1),
        real ? ['0', '0'] : [String(NOBODY), '0'],
        'the test has root’s rights',
      )
      assert.deepEqual([facts.front_doors, facts.upstreams], [[], []])
      // A port of a setuid process is no listen port of nginx, whatever its configuration says: no warning then.
      if (real) assert.match(facts.nginx_warning, /more rights than|program is not nginx/)
      else assert.equal(facts.nginx_warning, '')
    }

    function linkTo(file: string): string {
      const link = join(sharedFolder(`link-${file.split('/').at(-1)!}`), 'nginx')
      symlinkSync(file, link)
      return link
    }

    for (const real of [false, true]) {
      const how = real ? 'as its real identity' : 'as its effective one'
      test(`a setuid program by a link named nginx, ${how}, reads nothing`, () => {
        const file = join(folder, `setuid-${String(real)}`)
        copyFileSync(program, file)
        return assertReadsNothing(file, real)
      })
      test(`a setuid program whose own name is nginx, ${how}, reads nothing`, () => {
        const file = join(sharedFolder(`named-${String(real)}`), 'nginx')
        copyFileSync(program, file)
        return assertReadsNothing(file, real)
      })
    }
  })

  describe('an nginx in a chroot', () => {
    let root: string
    before(() => {
      root = sharedFolder('root')
      mkdirSync(join(root, 'etc/nginx'), { recursive: true })
      // The same path inside the chroot: the helper must read this one.
      mkdirSync(join(root, folder), { recursive: true })
      writeFileSync(join(root, 'inside.conf'), 'proxy_pass https://inside;\n')
    })

    const ROOTS: Readonly<Record<string, (conf: string) => void>> = {
      'an absolute link': (conf) => symlinkSync(secret, conf),
      'a link upward': (conf) => symlinkSync(`../../../../../../../../..${secret}`, conf),
      "a link through another's root": (conf) => symlinkSync(`/proc/self/root${secret}`, conf),
      'an include': (conf) => writeFileSync(conf, `include ${secret};\n`),
      'an include upward': (conf) => writeFileSync(conf, `include ../../../../../../../..${secret};\n`),
      'an include by a glob': (conf) => writeFileSync(conf, `include ${folder}/*.conf;\n`),
      'an include by a glob through an absolute link': (conf) => {
        rmSync(join(root, 'elsewhere'), { force: true })
        symlinkSync(folder, join(root, 'elsewhere'))
        writeFileSync(conf, `include /elsewhere/sec*.conf;\n`)
      },
    }
    for (const [what, make] of Object.entries(ROOTS))
      test(`${what} does not lead out of the chroot`, async () => {
        assert.deepEqual(await upstreams(make), [])
      })

    for (const [what, make] of Object.entries({
      'an absolute link': (conf: string) => symlinkSync('/inside.conf', conf),
      'an include by a glob': (conf: string) => writeFileSync(conf, 'include /ins*.conf;\n'),
    }))
      test(`${what} is followed inside the chroot`, async () => {
        assert.deepEqual(await upstreams(make), ['proxy_pass https://inside'])
      })

    async function upstreams(make: (conf: string) => void): Promise<readonly string[]> {
      const conf = join(root, 'etc/nginx/nginx.conf')
      rmSync(conf, { force: true })
      make(conf)
      await neighbour({ program, words: `chroot=${root}` })
      const facts = inspect()
      assert.equal(facts.nginx, 'known')
      return upstreamsIn(facts)
    }
  })

  describe('a helper with capabilities and without root', () => {
    const grant = [
      ...['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups'],
      ...[`--inh-caps=-all,${CAPABILITIES}`, `--ambient-caps=-all,${CAPABILITIES}`],
    ]

    test("finds the listen ports of root's nginx if its configuration is world-readable", async () => {
      const real = await realNginx()
      chmodSync(real.folder, 0o755)
      const facts = inspect(...grant)
      assert.deepEqual([facts.nginx, facts.front_doors, facts.nginx_warning], ['known', [8080], ''])
    })

    test('does not read a configuration that its own user cannot read, and warns', async () => {
      await neighbour({ program, args: ['-c', secret], words: 'listen=8085' })
      const facts = inspect(...grant)
      assert.deepEqual(facts.front_doors, [])
      assert.match(facts.nginx_warning, /listens on 8085, could not be read/)
      assert.match(facts.upstreams_unlisted, /could not be read/)
    })

    test("does not enter another user's chroot with its capabilities", async () => {
      const root = sharedFolder('closed')
      mkdirSync(join(root, 'etc/nginx'), { recursive: true })
      writeFileSync(join(root, 'etc/nginx/nginx.conf'), `proxy_pass ${SECRET};\n`)
      chmodSync(root, 0o700)
      await neighbour({ program, words: `listen=8086 chroot=${root}` })
      const facts = inspect(...grant)
      assert.deepEqual([facts.front_doors, facts.upstreams], [[], []])
    })
  })

  const fuse = existsSync('/dev/fuse') ? false : 'needs /dev/fuse'
  describe('a file system that does not answer', { skip: fuse }, () => {
    before(() => mkdirSync(silentPlace))

    for (const silent of ['lookup', 'read'] as const) {
      test(`doctor ends when a ${silent} blocks for ever, and the real listen port is found`, async () => {
        await realNginx()
        await startBlockedFake(silent)
        const facts = inspectWith(PROBE)
        assert.deepEqual([facts.nginx, facts.front_doors], ['known', [8080]], facts.nginx_warning)
        assert.match(facts.nginx_warning, /not all of the nginx of uid 65534/)
      })

      test(`the helper attaches and ends when a ${silent} blocks for ever`, async () => {
        await startBlockedFake(silent)
        const helper = await startHelper(namespace)
        assert.match(helper.hello.warnings.join(), /not all of the nginx of uid 65534/)
        assert.equal((await helper.stop()).bye, 'stdin closed')
      })
    }

    test('a helper with capabilities does not touch an open descriptor of it', async () => {
      const real = await realNginx()
      chmodSync(real.folder, 0o755)
      await silentServer('read')
      const words = `open=${silentPlace}/nginx.conf listen=8087`
      const args = ['-c', join(folder, 'nothing.conf')]
      await neighbour({ program, args, words, user: NOBODY })
      const facts = inspect(
        'setpriv',
        '--reuid=1234',
        `--inh-caps=-all,${CAPABILITIES}`,
        `--ambient-caps=-all,${CAPABILITIES}`,
      )
      assert.deepEqual(facts.front_doors, [8080])
      assert.match(facts.nginx_warning, /listens on 8087/)
    })

    async function startBlockedFake(silent: 'lookup' | 'read'): Promise<void> {
      await silentServer(silent)
      const args = ['-c', join(silentPlace, 'nginx.conf')]
      await neighbour({ program, args, words: 'listen=8088', user: NOBODY })
    }

    describe('the helper ends while it is blocked there', () => {
      let patientHelper: string
      let server: Neighbour
      let fake: Neighbour
      before(async () => {
        patientHelper = await buildHelper(join(folder, 'patient'), '-DDISCOVERY_MS=500000', [])
        server = await mountSilent(join(folder, 'silent'), silentPlace, 'lookup')
        const args = ['-c', join(silentPlace, 'nginx.conf')]
        fake = await startNeighbour(namespace, { program, args, words: 'listen=8088', user: NOBODY })
      })
      after(async () => {
        await server.stop()
        await fake.stop()
      })

      const start = (before: readonly string[], ...args: readonly string[]): ChildProcess =>
        spawn('ip', ['netns', 'exec', namespace, ...before, patientHelper, ...args], {
          stdio: ['pipe', 'pipe', 'pipe'],
        })

      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        for (const args of [[], ['--doctor']])
          test(`by ${signal}, ${args.length > 0 ? 'as doctor' : 'as recorder'}`, async () => {
            const helper = start([], ...args)
            await blockedChild(helper.pid!)
            helper.kill(signal)
            assert.deepEqual(await ended(helper), [130, null])
          })

      test('when its stdin closes', async () => {
        const helper = start([])
        await blockedChild(helper.pid!)
        helper.stdin!.end()
        assert.deepEqual(await ended(helper), [130, null])
      })

      test('when its parent dies, even if another process holds its stdin', async () => {
        const shell = start(['sh', '-c', '"$0"; true'])
        const helper = await childOf(shell.pid!)
        await blockedChild(helper)
        shell.kill('SIGKILL')
        // Its outputs close with it: no blocked process holds them.
        await ended(shell)
        await gone(helper)
      })

      test('and its child that cannot end holds none of its descriptors', async () => {
        const helper = start([])
        const child = await blockedChild(helper.pid!)
        helper.kill('SIGTERM')
        // Its outputs close with it.
        await ended(helper)
        while (procFile(child, 'stat').includes(') S ')) await sleep(10)
        assert.match(procFile(child, 'stat'), /\) D /, 'it was killed, and is blocked')
        const held = readdirSync(`/proc/${child}/fd`).map((fd) => readlinkSync(`/proc/${child}/fd/${fd}`))
        assert.deepEqual(
          held.filter((target) => /^pipe|^socket|bpf/.test(target)),
          held.filter((target) => target.startsWith('socket')).slice(0, 1),
          'except the socket that reports its end',
        )
      })
    })
  })

  describe('the attached helper ends cleanly', () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      test(`by ${signal}`, async () => {
        const helper = await startHelper(namespace)
        process.kill(helper.pid, signal)
        assert.equal((await helper.stop()).bye, signal)
        assert.deepEqual(await attachedTo(namespace, 'lo'), [0, 0])
      })

    test('when its parent dies, even if another process holds its stdin', async () => {
      const shell = spawn('ip', ['netns', 'exec', namespace, 'sh', '-c', `${PROBE}; true`], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const lines: string[] = []
      const input = createInterface({ input: shell.stdout })
      input.on('line', (line) => lines.push(line))
      await once(input, 'line')
      shell.kill('SIGKILL')
      await once(shell, 'close')
      assert.match(lines.at(-1)!, /"bye".*"SIGTERM"/)
      assert.deepEqual(await attachedTo(namespace, 'lo'), [0, 0])
    })

    test('at any moment of its start, with nothing left attached', async () => {
      for (const moment of range(0, 9)) {
        const helper = spawn('ip', ['netns', 'exec', namespace, PROBE], { stdio: ['pipe', 'ignore', 'pipe'] })
        await sleep(moment * 60)
        if (moment % 2 === 0) helper.kill('SIGINT')
        else helper.stdin.end()
        const [code, signal] = await ended(helper)
        // the signal may have hit ip before its exec of the helper
        assert.ok(
          code === 130 || code === 0 || signal === 'SIGINT',
          `${code ?? ''} ${signal ?? ''} at ${moment}`,
        )
        assert.deepEqual(await attachedTo(namespace, 'lo'), [0, 0])
      }
    })

    test('by Ctrl-C, which also reaches the recorder, and the recording is whole', async () => {
      const file = join(folder, 'interrupted.db')
      const args = [join(ROOT, 'dist/main.js'), 'record', '--out', file]
      const recorder = spawn('ip', ['netns', 'exec', namespace, process.execPath, ...args], {
        detached: true,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, SUDO_UID: '' },
      })
      const input = createInterface({ input: recorder.stderr })
      await once(input, 'line')
      process.kill(-recorder.pid!, 'SIGINT')
      assert.deepEqual(await ended(recorder), [0, null])
      assert.match(await sh(process.execPath, join(ROOT, 'dist/main.js'), 'check', file), /whole/)
    })
  })

  async function ended(child: ChildProcess): Promise<readonly [number | null, string | null]> {
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    clearTimeout(timer)
    return [child.exitCode, child.signalCode]
  }

  /** Resolves when the process has ended: the kernel closes its files a moment before it says so. */
  async function gone(pid: number): Promise<void> {
    const patience = performance.now() + PATIENCE_MS
    while (!/^$|\) [ZX] /.test(procFile(pid, 'stat'))) {
      assert.ok(performance.now() < patience, `still running: ${procFile(pid, 'stat')}`)
      await sleep(10)
    }
  }

  async function childOf(pid: number): Promise<number> {
    for (;;) {
      const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .at(-1)
      if (child !== undefined) return Number(child)
      await sleep(10)
    }
  }

  /** Resolves when a child of the helper blocks on the file system, or waits for a process that does. */
  async function blockedChild(helper: number): Promise<number> {
    for (;;) {
      const child = await childOf(helper)
      if (procFile(child, 'stat').includes(') D ') || procFile(child, 'wchan') === 'request_wait_answer')
        return child
      await sleep(20)
    }
  }
})

/** A file of /proc/PID; empty if the process has ended. */
function procFile(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
