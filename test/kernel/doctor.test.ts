/** doctor on a real host: it finds what the test has put there. */
import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Check } from '../../src/record/doctor/diagnosis.ts'
import { buildHelper } from './lab/build.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking, ROOT } from './lab/system.ts'
import { unreadableByNobody } from '../unprivileged.ts'
import { attachedTo, attachTcxProgram } from './lab/impairments.ts'

const PROGRAM = [process.execPath, join(ROOT, 'dist/main.js')]

interface Diagnosis {
  readonly records: boolean
  readonly checks: readonly Check[]
}

describe('doctor', { skip: lacking('clang', 'gcc', 'setpriv') }, () => {
  let cable: Cable
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  test('reports front doors, every upstream with what is seen of it, and other programs on a hook; nothing stays attached', async () => {
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream sockets { server unix:/tmp/nobody.sock down; server 10.77.0.2:11 weight=3 backup; }
       upstream php { server 10.77.0.2:9000; }
       map $arg_x $mapped { default http://10.77.0.2:9; proxy_pass http://in-a-map; }
       server { listen 127.0.0.1:8080; location / { proxy_pass http://10.77.0.2:9; }
         location /socket { proxy_pass http://sockets; } location /tls { proxy_pass https://10.77.0.2:10; }
         location /php { fastcgi_pass php; } location /fpm { fastcgi_pass unix:/run/php/php-fpm.sock; }
         location /uwsgi { uwsgi_pass 10.77.0.2:3031; } location /scgi { scgi_pass 10.77.0.2:4000; }
         location /mapped { proxy_pass $mapped; } # proxy_pass http://commented;
         location /quoted { add_header X "; proxy_pass http://in-quotes;"; proxy_pass "http://10.77.0.2:12/a b"; } }`,
    )
    const other = await attachTcxProgram(cable.proxy.namespace, 'leg', 'ingress', 1_000_000)
    const { status, diagnosis } = doctor()
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-doctor-'))
    const file = join(folder, 'x.db')
    const recorded = run('record', '--out', file, '--secs', '1')
    const info = run('info', file, '--format', 'json').stdout
    rmSync(folder, { recursive: true })
    await other.stop()
    await nginx.stop()
    assert.equal(status, 0)
    assert.equal(diagnosis.records, true)
    const lines = diagnosis.checks.map(({ state, check, what }) => `${state} ${check}: ${what}`)
    const said = (pattern: RegExp): void => {
      assert.ok(
        lines.some((line) => pattern.test(line)),
        `${String(pattern)} in\n${lines.join('\n')}`,
      )
    }
    said(/^ok nginx: front door: 8080/)
    const only = 'not read: connections, their failures, times and bytes only'
    assert.deepEqual(
      lines.filter((line) => line.includes('_pass')),
      [
        'ok nginx: proxy_pass "http://10.77.0.2:9": HTTP/1, read',
        'ok nginx: proxy_pass "http://sockets" (10.77.0.2:11): HTTP/1, read',
        'ok nginx: proxy_pass "http://10.77.0.2:12": HTTP/1, read',
        'warning nginx: proxy_pass "http://sockets" (unix:/tmp/nobody.sock): not visible, its traffic crosses no interface',
        `warning nginx: proxy_pass "https://10.77.0.2:10": TLS, ${only}`,
        `warning nginx: fastcgi_pass "php" (10.77.0.2:9000): FastCGI, ${only}`,
        'warning nginx: fastcgi_pass "unix:/run/php/php-fpm.sock": not visible, its traffic crosses no interface',
        `warning nginx: uwsgi_pass "10.77.0.2:3031": uwsgi, ${only}`,
        `warning nginx: scgi_pass "10.77.0.2:4000": SCGI, ${only}`,
        'ok nginx: proxy_pass "$mapped": its servers are only known when nginx runs; on a unix socket not visible, else read where it is HTTP/1 or HTTP/2',
        'warning nginx: no name, because they are only known at run time: proxy_pass $mapped',
      ],
    )
    assert.deepEqual(
      lines.filter((line) => line.startsWith('ok nginx: upstream ')),
      [
        'ok nginx: upstream "php": 10.77.0.2:9000',
        'ok nginx: upstream "sockets": unix:/tmp/nobody.sock down, 10.77.0.2:11 weight=3 backup',
      ],
    )
    assert.ok(!lines.some((line) => line.includes('upstreams on unix sockets')), 'not said twice')
    const sockets =
      'upstreams on unix sockets are not visible: unix:/tmp/nobody.sock, unix:/run/php/php-fpm.sock'
    assert.ok(recorded.stderr.includes(sockets), recorded.stderr)
    const { recording } = JSON.parse(info) as { recording: { not_visible: readonly { what: string }[] } }
    assert.equal(recording.not_visible[0]?.what, sockets)
    const later = 'upstreams that are only known at run time have no name (proxy_pass $mapped)'
    assert.equal(recording.not_visible[1]?.what, later)
    assert.ok(!lines.some((line) => line.includes(later)), 'not said twice')
    said(/^ok interface: leg( \(.*\))?: ingress: drop \(id \d+\)/)
    said(/^ok programs: load and attach/)
    assert.deepEqual(await attachedTo(cable.proxy.namespace, 'leg'), [0, 0])
  })

  test('it says which way of attaching is taken, and why; the options decide it as for record', () => {
    const attached = (...words: readonly string[]): string | undefined =>
      said(
        JSON.parse(run('doctor', '--secs', '0', '--format', 'json', ...words).stdout) as Diagnosis,
        'attach',
      )
    assert.match(attached() ?? '', /^ok: tcx, to interfaces: Linux \d+\.\d+\S* has it$/)
    assert.equal(attached('--iface', 'leg'), 'ok: tcx, to interfaces: as --iface asks')
    const byGroup = 'ok: by control group, to sockets of all network namespaces: as'
    assert.equal(attached('--attach', 'cgroup'), `${byGroup} --attach cgroup asks`)
    assert.equal(attached('--cgroup', '/'), `${byGroup} --cgroup asks`)
    const nobody = 'there is no control group "/nobody" (No such file or directory)'
    assert.equal(attached('--cgroup', '/nobody'), `failed: ${nobody}`)
    const { status, stderr } = run(
      'record',
      '--cgroup',
      '/nobody',
      '--out',
      join(tmpdir(), 'upstreamtop-nobody.db'),
    )
    assert.equal(status, 2)
    assert.ok(stderr.includes(`${nobody}: 'systemd-cgls' lists them`), stderr)
  })

  test('without cgroup2 it says so, and record ends with 4 and the same words', () => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-doctor-'))
    const file = join(folder, 'x.db')
    const group = `upstreamtop-doctor-${process.pid}`
    const mount = 'mount -t cgroup2 none /sys/fs/cgroup'
    const inGroup = `${mount}; mkdir -p /sys/fs/cgroup/${group}; echo 0 >/sys/fs/cgroup/${group}/cgroup.procs`
    // `ip netns exec` mounts a /sys without it; a pid namespace hides who ran it.
    const hidden = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', 'sh', '-c']
    const cases = [
      ['exec "$@"', 'cgroup2 is not mounted, which recording by control group needs'],
      [
        `${inGroup}; exec unshare --cgroup --mount sh -c 'umount /sys/fs/cgroup; ${mount}; exec "$@"' sh "$@"`,
        'of cgroup2 only a part is mounted, that of a container, which recording by control group needs',
      ],
    ] as const
    for (const [script, what] of cases) {
      const bare = (...words: readonly string[]): SpawnSyncReturns<string> =>
        inNamespace(...hidden, script, 'sh', ...PROGRAM, ...words, '--attach', 'cgroup', '--secs', '1')
      const doctored = bare('doctor', '--format', 'json')
      assert.equal(doctored.status, 4, doctored.stderr)
      assert.equal(said(JSON.parse(doctored.stdout) as Diagnosis, 'attach'), `failed: ${what}`)
      const recorded = bare('record', '--out', file)
      assert.equal(recorded.status, 4)
      assert.ok(recorded.stderr.includes(`upstreamtop: ${what}: `), recorded.stderr)
      assert.ok(!existsSync(file))
    }
    inNamespace('sh', '-c', `${mount}; rmdir /sys/fs/cgroup/${group}`)
    rmSync(folder, { recursive: true })
  })

  test('a kernel without tcx: by control group, and what needs tcx is refused with the way out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-doctor-'))
    const helper = await buildHelper(folder, '-DNO_TCX=true', [])
    const { attach } = JSON.parse(inNamespace(helper, '--doctor').stdout) as {
      attach: { way: string; why: string; missing: string }
    }
    assert.equal(attach.way, 'cgroup')
    assert.match(attach.why, /^Linux \d+\.\d+\S* has no tcx, which came with 6\.6$/)
    assert.equal(attach.missing, '')
    const { status, stderr } = inNamespace(helper, '--iface', 'leg')
    assert.equal(status, 4)
    assert.match(
      stderr,
      /has no tcx, which came with 6\.6: leave --iface out, and it records by control group/,
    )
    // Its stdin ends after its first line.
    const script = 'mkfifo "$1"; "$0" <"$1" | { exec 3>"$1"; read -r hello; exec 3>&-; echo "$hello"; cat; }'
    const recorded = inNamespace('sh', '-c', script, helper, join(folder, 'lifeline'))
    assert.match(recorded.stdout, /"every network namespace"/)
    assert.match(recorded.stdout, /"type":"bye"/)
    rmSync(folder, { recursive: true })
  })

  const said = ({ checks }: Diagnosis, wanted: Check['check']): string | undefined =>
    checks.filter(({ check }) => check === wanted).map(({ state, what }) => `${state}: ${what}`)[0]

  const skip = unreadableByNobody()
  test('without rights it names the missing ones and exits with 4', { skip }, () => {
    const { status, diagnosis } = doctor('setpriv', '--reuid=65534', '--clear-groups', '--bounding-set=-all')
    assert.equal(status, 4)
    assert.equal(diagnosis.records, false)
    const failed = diagnosis.checks.filter(({ state }) => state === 'failed')
    assert.deepEqual(
      failed.map(({ check }) => check),
      ['rights'],
    )
    assert.match(failed[0]?.what ?? '', /CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON/)
  })

  const run = (...words: readonly string[]): SpawnSyncReturns<string> => inNamespace(...PROGRAM, ...words)

  const inNamespace = (...words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync('ip', ['netns', 'exec', cable.proxy.namespace, ...words], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
    })

  function doctor(...before: readonly string[]): { status: number | null; diagnosis: Diagnosis } {
    const { status, stdout } = inNamespace(
      ...before,
      ...PROGRAM,
      'doctor',
      '--format',
      'json',
      '--secs',
      '0.5',
    )
    return { status, diagnosis: JSON.parse(stdout) as Diagnosis }
  }
})
