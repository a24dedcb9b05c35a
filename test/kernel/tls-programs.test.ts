/** Which of nginx's program files are read within TLS, which are not and why, and what comes later. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TlsProgram, TlsReading } from '../../src/frame/model/tls.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { LabNginxes } from './lab/nginx.ts'
import { sandboxRefusing } from './lab/refuse.ts'
import { lacking, PROBE, sh } from './lab/system.ts'
import { startHelper, type Helper } from './lab/watch.ts'

const NGINX = '/usr/sbin/nginx'
/** The capabilities that `make install` sets. */
const CAPABILITIES = '+bpf,+net_admin,+perfmon,+sys_ptrace'
const GRANT = [
  ...['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups'],
  ...[`--inh-caps=-all,${CAPABILITIES}`, `--ambient-caps=-all,${CAPABILITIES}`],
]

/** What doctor's facts have beside what hello says. */
interface Diagnosed {
  readonly kernel: boolean
  readonly why: string
  readonly entry_ns: number
  readonly return_ns: number
  readonly stepped_ns: number
  readonly programs: readonly (TlsProgram & {
    readonly workers: number
    readonly writes: number | null
    readonly reads: number | null
  })[]
}

describe('programs that are read within TLS', { skip: lacking('openssl', 'curl', 'setpriv') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tls-programs-'))
  const nginxes = new LabNginxes()
  let namespace: string
  before(async () => {
    chmodSync(folder, 0o755)
    namespace = await makeNamespace('n')
    const certificate = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=lab']
    await sh('openssl', ...certificate, '-keyout', join(folder, 'key'), '-out', join(folder, 'certificate'))
  })
  after(async () => {
    await removeNamespace(namespace)
    rmSync(folder, { recursive: true, force: true })
  })

  const serving = (port: number): string => `
    server { listen 127.0.0.1:${port}; location / { proxy_pass https://127.0.0.1:${port + 1}; } }
    server { listen 127.0.0.1:${port + 1} ssl; ssl_certificate ${folder}/certificate; ssl_certificate_key ${folder}/key;
      location / { return 200 "fine"; } }`
  /** @param program a copy of nginx's */
  const start = (port = 8080, program = NGINX): ReturnType<LabNginxes['start']> =>
    nginxes.start(namespace, serving(port), false, { program })
  const ask = (port: number): string =>
    execFileSync('ip', ['netns', 'exec', namespace, 'curl', '-s', `http://127.0.0.1:${port}/`], {
      encoding: 'utf8',
    })
  const tlsOf = ({ hello }: Helper): TlsReading => hello.tls!
  const read = ({ path, read, probe }: TlsProgram): readonly unknown[] => [path, read, probe]

  /** A copy of nginx's program that is another file; `change` gets its bytes. */
  function copyOf(name: string, change: (bytes: Buffer) => void = () => undefined): string {
    const place = join(folder, name)
    mkdirSync(place, { recursive: true })
    const bytes = readFileSync(NGINX)
    change(bytes)
    writeFileSync(join(place, 'new'), bytes, { mode: 0o755 })
    renameSync(join(place, 'new'), join(place, 'nginx'))
    return join(place, 'nginx')
  }
  /** Its TLS functions have other names: as if it were built without. */
  function nameless(bytes: Buffer): void {
    for (const name of ['ngx_ssl_write\0', 'ngx_ssl_recv\0'])
      for (let at; (at = bytes.indexOf(name)) >= 0;) bytes.write('x', at)
  }
  /** Its ngx_ssl_write begins with `xor %eax, %eax`, which the kernel does not emulate. Nobody calls it. */
  function stepped(bytes: Buffer): void {
    const symbol = /([0-9a-f]{16}) .*\bngx_ssl_write$/m.exec(
      execFileSync('objdump', ['-T', NGINX], { encoding: 'utf8' }),
    )
    bytes.write('31c0', Number.parseInt(symbol![1]!, 16), 'hex')
  }

  /** How a helper ends that cannot do what it shall, while its lifeline is held. */
  async function refusal(
    args: readonly string[],
    before: readonly string[] = [],
  ): Promise<readonly [number | null, string]> {
    const child = spawn('ip', ['netns', 'exec', namespace, ...before, PROBE, ...args], {
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: 30_000,
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    await once(child, 'close')
    return [child.exitCode, stderr]
  }

  /** Resolves with the first remark that says it. */
  async function remarked(helper: Helper, pattern: RegExp): Promise<string> {
    for (let ticks = 0; ticks < 20; ticks++) {
      await helper.nextFrame()
      const found = helper.remarks.find((text) => pattern.test(text))
      if (found !== undefined) return found
    }
    throw new Error(`no remark ${String(pattern)} in ${JSON.stringify(helper.remarks)}`)
  }

  test('without --tls nothing is said of it', async () => {
    await start()
    const helper = await startHelper(namespace)
    assert.equal(tlsOf(helper), undefined)
    await helper.stop()
  })

  test('doctor says what a probe costs and how often nginx comes to it', async () => {
    await start()
    const load = spawn('ip', [
      ...['netns', 'exec', namespace, 'sh', '-c'],
      'while curl -s -o /dev/null http://127.0.0.1:8080/; do :; done',
    ])
    const { stdout } = spawnSync('ip', ['netns', 'exec', namespace, PROBE, '--doctor', '--tls'], {
      encoding: 'utf8',
    })
    load.kill()
    const { tls } = JSON.parse(stdout) as { readonly tls: Diagnosed }
    assert.deepEqual([tls.kernel, tls.why], [true, ''])
    assert.ok(tls.entry_ns > 50 && tls.return_ns > 0 && tls.stepped_ns > tls.entry_ns, JSON.stringify(tls))
    assert.deepEqual(tls.programs.map(read), [[NGINX, true, 'emulated']])
    const [program] = tls.programs
    assert.deepEqual([program!.processes, program!.workers], [2, 1])
    // each request: one write, two or more reads, on both of its ends
    assert.ok(program!.writes! > 0 && program!.reads! > program!.writes!, JSON.stringify(program))
  })

  test('a program without the functions is refused, with its path and the reason', async () => {
    const program = copyOf('nameless', nameless)
    await start(8080, program)
    const [status, text] = await refusal(['--tls'])
    assert.equal(status, 4)
    assert.match(
      text,
      /--tls: no nginx here can be read within TLS\. "(.*)" is not read: its file names no functions/,
    )
    assert.ok(text.includes(`"${program}"`))
  })

  test('a single-stepped instruction is refused with its cost, and taken with --tls=force', async () => {
    const program = copyOf('stepped', stepped)
    await start(8080, program)
    const [status, text] = await refusal(['--tls'])
    assert.equal(status, 4)
    assert.match(text, /single-steps under a probe: \d+ ns a call instead of \d+; --tls=force takes that/)
    const helper = await startHelper(namespace, ['--tls=force'])
    const tls = tlsOf(helper)
    assert.deepEqual([tls.forced, tls.programs.map(read)], [true, [[program, true, 'stepped']]])
    await helper.stop()
  })

  test('of two programs, one that cannot be read is said, and the other is read', async () => {
    const other = copyOf('other', nameless)
    await start(8080)
    await start(8090, other)
    const helper = await startHelper(namespace, ['--tls'])
    const programs = [...tlsOf(helper).programs].sort((a, b) => (a.path < b.path ? 1 : -1))
    assert.deepEqual(programs.map(read), [
      [NGINX, true, 'emulated'],
      [other, false, null],
    ])
    assert.match(programs[1]!.why, /^its file names no functions/)
    await helper.stop()
  })

  test('a helper with capabilities and without root reads it, also what comes later', async () => {
    const program = copyOf('granted')
    const nginx = await start(8080, program)
    const [first = '', ...rest] = GRANT
    const helper = await startHelper(namespace, [...rest, PROBE, '--tls'], first)
    assert.deepEqual(tlsOf(helper).programs.map(read), [[program, true, 'emulated']])
    copyOf('granted')
    process.kill(nginx.master(), 'SIGHUP')
    await remarked(helper, /granted\/nginx is read within TLS from now on$/)
    await helper.stop()
  })

  test('a later file at the path of the program is read or said, whoever forks', async () => {
    const program = copyOf('later')
    const nginx = await start(8080, program)
    const helper = await startHelper(namespace, ['--tls'])
    copyOf('later', nameless)
    process.kill(nginx.master(), 'SIGHUP')
    await remarked(helper, /later\/nginx is not read within TLS: its file names no functions/)
    copyOf('later')
    process.kill(nginx.master(), 'SIGHUP')
    await remarked(helper, /later\/nginx is read within TLS from now on$/)
    await helper.stop()
  })

  test('where no nginx runs yet, that is said, and the usual one is read before it starts', async () => {
    const helper = await startHelper(namespace, ['--tls'])
    assert.deepEqual(tlsOf(helper).programs, [])
    assert.match(helper.hello.unseen!.map(({ what }) => what).join(), /no nginx runs yet/)
    await remarked(helper, /^\/usr\/sbin\/nginx is read within TLS from now on$/)
    const nginx = await start()
    assert.equal(ask(8080), 'fine')
    assert.equal(firstByteOf(nginx.master(), NGINX), 'cc')
    await helper.stop()
    // A probe is in all processes of a file: helpers of tests that run at this moment may have theirs there, too.
    for (let n = 0; n < 600 && firstByteOf(nginx.master(), NGINX) === 'cc'; n++) await sleep(50)
    assert.notEqual(firstByteOf(nginx.master(), NGINX), 'cc', 'the probe is gone with the helper')
  })

  test('a file of an image that two containers run is one program, and both are read', async () => {
    const image = join(folder, 'image')
    copyOf('image')
    const mounts = ['a', 'b'].map((name) => mountOverlay(image, join(folder, name)))
    const running = [
      await start(8080, join(mounts[0]!, 'nginx')),
      await start(8090, join(mounts[1]!, 'nginx')),
    ]
    const helper = await startHelper(namespace, ['--tls'])
    const programs = tlsOf(helper).programs
    const bytes = running.map((nginx, n) => firstByteOf(nginx.master(), join(mounts[n]!, 'nginx')))
    await helper.stop()
    for (const nginx of running) await nginxes.stop(nginx)
    for (const mount of mounts) execFileSync('umount', [mount, join(mount, '..')])
    assert.deepEqual(
      programs.map(({ processes, read }) => [processes, read]),
      [[4, true]],
    )
    assert.deepEqual(bytes, ['cc', 'cc'])
  })

  const SANDBOXES = {
    attach: /--tls needs tracing programs, .*Operation not permitted.* or record without --tls/,
    probe: /--tls: a probe cannot be set: Operation not permitted: .*without --tls, connections/,
  }
  for (const [what, said] of Object.entries(SANDBOXES))
    test(`where a sandbox refuses to ${what}, recording does not begin, and the remedy is said`, async () => {
      await start()
      const sandbox = await sandboxRefusing(what as keyof typeof SANDBOXES)
      const [status, text] = await refusal(['--tls'], sandbox)
      assert.equal(status, 4)
      assert.match(text, said)
    })

  test('another value is wrong use', async () => {
    const [status, text] = await refusal(['--tls=yes'])
    assert.equal(status, 2)
    assert.match(text, /--tls takes no value or "force", not "yes"/)
  })

  /** Of ngx_ssl_write in the memory of a process. */
  function firstByteOf(pid: number, program: string): string {
    const symbols = execFileSync('objdump', ['-T', program], { encoding: 'utf8' })
    const address = Number.parseInt(/([0-9a-f]{16}) .*\bngx_ssl_write$/m.exec(symbols)![1]!, 16)
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
    const base = Number.parseInt(/^[0-9a-f]+/.exec(maps)![0], 16)
    const at = String(base + address)
    return execFileSync('dd', [
      `if=/proc/${pid}/mem`,
      'bs=1',
      `skip=${at}`,
      'count=1',
      'status=none',
    ]).toString('hex')
  }
})

/** On a tmpfs of its own, as a container's root is. Returns the folder with the image's files. */
function mountOverlay(image: string, place: string): string {
  mkdirSync(place)
  execFileSync('mount', ['-t', 'tmpfs', 'lab', place])
  for (const part of ['upper', 'work', 'root']) mkdirSync(join(place, part))
  const layers = `lowerdir=${image},upperdir=${place}/upper,workdir=${place}/work`
  execFileSync('mount', ['-t', 'overlay', 'lab', '-o', layers, join(place, 'root')])
  return join(place, 'root')
}
