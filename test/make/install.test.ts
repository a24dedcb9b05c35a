/** make install and make uninstall: into a tree that is packed later, and into a folder of this host. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FIXTURE = join(ROOT, 'fixtures/recordings/incident.db')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-install-'))
after(() => rmSync(folder, { recursive: true }))

/** Without building: `make test` has done it. An inner make must not inherit the flags of the outer one. */
const make = (...words: readonly string[]): string =>
  execFileSync('make', ['-C', ROOT, '--no-print-directory', '-o', 'build', ...words], {
    encoding: 'utf8',
    env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '', MFLAGS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** All below it, folders too, sorted. */
const listed = (root: string): string[] => readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()

const accounts = (): string => readFileSync('/etc/group', 'utf8') + readFileSync('/etc/passwd', 'utf8')

const built = existsSync(join(ROOT, 'build/upstreamtop-probe'))

describe('make install', { skip: built ? false : 'needs the helper: make build' }, () => {
  test('below DESTDIR it leaves the host as it was, and says what is to be done there', () => {
    const before = accounts()
    const tree = join(folder, 'tree')
    const install = spawnSync(
      'make',
      ['-C', ROOT, '-o', 'build', 'install', `DESTDIR=${tree}`, 'PREFIX=/usr'],
      {
        encoding: 'utf8',
        env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '', MFLAGS: '' },
      },
    )
    assert.equal(install.status, 0, install.stderr)
    assert.equal(accounts(), before)
    assert.match(
      install.stderr,
      /groupadd --system upstreamtop\n[^]*setcap cap_bpf,\S+ \/usr\/lib\/upstreamtop\/build\/upstreamtop-probe/,
    )
    const capabilities = spawnSync(
      '/usr/sbin/getcap',
      [join(tree, 'usr/lib/upstreamtop/build/upstreamtop-probe')],
      {
        encoding: 'utf8',
      },
    )
    assert.equal(capabilities.stdout, '')
    const names = listed(tree)
    for (const name of [
      'usr/bin/upstreamtop',
      'usr/lib/systemd/system/upstreamtop@.service',
      'usr/lib/systemd/system/upstreamtop-export@.service',
      'usr/lib/systemd/system/upstreamtop-export@.timer',
      'usr/lib/upstreamtop/export-hour',
      'usr/share/man/man1/upstreamtop.1',
    ])
      assert.ok(names.includes(name), name)
    const unit = readFileSync(join(tree, 'usr/lib/systemd/system/upstreamtop@.service'), 'utf8')
    assert.match(
      unit,
      /^ExecStart=\/usr\/lib\/upstreamtop\/build\/upstreamtop-probe --launch \/usr\/bin\/upstreamtop record /m,
    )
  })

  test('what is installed runs, without sources, tests and packages that only developers need', () => {
    const prefix = join(folder, 'tree/usr')
    const names = listed(prefix)
    const needless =
      /\/(deps|test|tests|obj|obj\.target)\/|\.(a|o|cpp|hpp|d\.ts|map|md)$|\/(typescript|eslint|tsx|prebuild-install)\//
    assert.deepEqual(
      names.filter((name) => needless.test(name) && !/licen[cs]e/i.test(name)),
      [],
    )
    const native = names.filter((name) => name.endsWith('.node'))
    assert.deepEqual(native, [
      'lib/upstreamtop/node_modules/better-sqlite3/build/Release/better_sqlite3.node',
    ])
    const bytes = names.map((name) => join(prefix, name)).filter(existsSync)
    assert.ok(bytes.reduce((sum, file) => sum + statSync(file).size, 0) < 14e6)
    const run = (...words: readonly string[]): string =>
      execFileSync(join(prefix, 'bin/upstreamtop'), words, { encoding: 'utf8', cwd: '/' })
    assert.match(run('report', FIXTURE), /24,211 requests/)
    assert.match(run('report', FIXTURE, '--format', 'html'), /<html/)
    assert.match(run('replay', FIXTURE, '--print', '--at', '50%'), /BACKEND/)
    run('report', FIXTURE, '--parquet', join(folder, 'lake'), '--from', '15:01', '--to', '15:02')
  })

  test('make uninstall removes all of it and nothing else, also after it was installed twice', () => {
    const prefix = join(folder, 'host')
    mkdirSync(join(prefix, 'share/man'), { recursive: true })
    mkdirSync(join(prefix, 'bin'))
    writeFileSync(join(prefix, 'bin/other'), '')
    const before = listed(prefix)
    const where = [`DESTDIR=${prefix}`, 'PREFIX=/']
    for (let times = 0; times < 2; times++) make('install', ...where)
    assert.ok(listed(prefix).length > before.length + 100)
    make('uninstall', ...where)
    assert.deepEqual(listed(prefix), before)
  })

  test(
    'into a folder of this host the helper gets its capabilities, for members of the group alone',
    { skip: process.getuid?.() === 0 ? false : 'needs root' },
    () => {
      const before = accounts()
      const prefix = join(folder, 'here')
      try {
        assert.match(make('install', `PREFIX=${prefix}`), /usermod -aG upstreamtop/)
        const helper = join(prefix, 'lib/upstreamtop/build/upstreamtop-probe')
        const { mode, gid } = statSync(helper)
        assert.equal(mode & 0o7777, 0o750)
        assert.equal(
          gid,
          Number(execFileSync('getent', ['group', 'upstreamtop'], { encoding: 'utf8' }).split(':')[2]),
        )
        const capabilities = execFileSync('/usr/sbin/getcap', [helper], { encoding: 'utf8' })
        assert.match(capabilities, /cap_net_admin,cap_sys_ptrace,cap_perfmon,cap_bpf=ep/)
        assert.match(execFileSync('id', ['upstreamtop'], { encoding: 'utf8' }), /gid=\d+\(upstreamtop\)/)
        make('uninstall', `PREFIX=${prefix}`)
        assert.equal(existsSync(prefix), false)
      } finally {
        if (!before.includes('\nupstreamtop:'))
          for (const tool of ['userdel', 'groupdel']) spawnSync(tool, ['upstreamtop'])
      }
    },
  )
})
