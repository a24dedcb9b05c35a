/** The completion scripts in real shells: typed on a terminal, where a Tab is pressed, or asked as the shell asks. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { insertions, quoted, readLine } from '../../src/cli/completion/bash-line.ts'
import { SHELLS } from '../../src/cli/completion/scripts.ts'
import { visible } from '../../src/render/text.ts'
import { ROOT, Tmux, WITHOUT_TMUX } from '../replay/tmux.ts'
import { runCommand } from './run-command.ts'

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined
const lacking = (shell: string): string | false =>
  WITHOUT_TMUX !== false ? WITHOUT_TMUX : has(shell) ? false : `needs ${shell}: apt-get install ${shell}`

/** Texts that a shell would act on if it read them as its own. Each would leave a file `harm…`. */
const HOSTILE = [
  'x$(touch harm1)',
  'x`touch harm2`',
  "x'; touch harm3; '",
  'x" ; touch harm4 ; "',
  'x > harm5',
  'x & touch harm6',
  'x\\$(touch harm7)',
  'x * ~ {a,b} !!',
]

let folder = ''
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'upstreamtop-completion-'))
  const program = `#!/bin/sh\nexec node ${join(ROOT, 'dist/main.js')} "$@"\n`
  writeFileSync(join(folder, 'upstreamtop'), program, { mode: 0o755 })
  // The scripts wait two seconds, which a busy machine may need for the start alone.
  writeFileSync(join(folder, 'timeout'), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 })
  for (const shell of SHELLS) {
    const { code, stdout } = await runCommand(['completion', shell])
    assert.equal(code, 0)
    writeFileSync(join(folder, `upstreamtop.${shell}`), stdout)
  }
  cpSync(join(ROOT, 'fixtures/recordings/incident.db'), join(folder, 'incident.db'))
  cpSync(join(folder, 'incident.db'), join(folder, 'hostile.db'))
  chmodSync(join(folder, 'hostile.db'), 0o644)
  for (const text of HOSTILE) {
    const marked = await runCommand(['mark', join(folder, 'hostile.db'), text, '--at', '30%'])
    assert.equal(marked.code, 0, marked.stderr)
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** Typed, because the shell that tmux starts has read the user's own settings. */
const enter = (): string => `cd ${folder}; PS1='$ '; PATH=${folder}:$PATH; HOME=${folder}`

const noHarm = (): void => {
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('harm')),
    [],
  )
}

/** What the words may be followed by, as a script of that shell hears it. */
async function words(...line: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await runCommand(['completion', 'fish', '--words', '--', 'upstreamtop', ...line])
  assert.equal(stderr, '')
  return stdout
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => each.split('\t')[0]!)
}

describe('what may stand at the cursor', () => {
  const incident = 'fixtures/recordings/incident.db'

  test('commands, options with their values, choices', async () => {
    assert.deepEqual(await words('rep'), ['replay', 'report', 'repair'])
    assert.deepEqual(await words('report', 'x.db', '--par'), ['--parquet'])
    assert.deepEqual(await words('report', '--by', 'ro'), ['route'])
    assert.deepEqual(await words('report', '--by=ro'), ['--by=route'])
    assert.deepEqual(await words('record', '--tl'), ['--tls'])
    assert.deepEqual(await words('record', '--tls='), ['--tls=force'])
    assert.deepEqual(await words('completion', ''), ['bash', 'zsh', 'fish'])
    assert.deepEqual(await words('live', '--tz', ''), ['local', 'UTC'])
    assert.ok((await words('record', '--iface', 'l')).includes('lo'))
    const sudo = ['completion', 'fish', '--words', '--', 'sudo', '-u', 'me', '/opt/bin/upstreamtop', 'chec']
    assert.match((await runCommand(sudo)).stdout, /^check\t[^\n]+\n$/)
    // without a command it is live
    assert.deepEqual(await words('--sort', 'p'), ['p50', 'p99'])
    assert.ok((await words('--')).includes('--version'))
  })

  test('markers and backends of the file on the line', async () => {
    assert.deepEqual(await words('replay', incident, '--from', '@'), ['@deploy 4711'])
    assert.deepEqual(await words('cut', '-o', 'x.db', incident, '--backend', '10.0.1.10'), ['10.0.1.10:8080'])
    for (const file of ['README.md', 'no-such.db', '/dev/zero', '.'])
      assert.deepEqual(await words('replay', file, '--from', '@'), [])
  })

  test('nothing of ours where file names belong, and after --', async () => {
    assert.deepEqual(await words('replay', ''), [])
    assert.deepEqual(await words('record', '--out', ''), [])
    assert.deepEqual(await words('record', '--out', 'x.db', '--', '--'), [])
    assert.deepEqual(await words('no-such-command', ''), [])
  })
})

describe('bash', { skip: lacking('bash') }, () => {
  for (const [how, first] of [
    ['without bash-completion', 'true'],
    ['with bash-completion', 'source /usr/share/bash-completion/bash_completion'],
  ] as const) {
    const skip = how.startsWith('with ') && !existsSync('/usr/share/bash-completion/bash_completion')
    test(
      `${how}: a Tab completes commands, values, markers and file names`,
      { skip: skip && 'needs bash-completion' },
      async (t) => {
        const tmux = new Tmux(t, 120, 30)
        tmux.run(`${enter()}; ${first}; source upstreamtop.bash; clear; echo ready`)
        await tmux.shows(/^ready$/m)
        const typed = async (line: string, shows: RegExp): Promise<void> => {
          tmux.type(line)
          tmux.press('Tab')
          await tmux.shows(shows)
          tmux.press('C-u')
        }
        await typed('upstreamtop repa', /^\$ upstreamtop repair *$/m)
        await typed('upstreamtop replay inci', /^\$ upstreamtop replay incident\.db *$/m)
        await typed('true; upstreamtop report --by=ro', /^\$ true; upstreamtop report --by=route *$/m)
        await typed(
          'upstreamtop replay incident.db --from @',
          /^\$ upstreamtop replay incident\.db --from @deploy\\ 4711 *$/m,
        )
        await typed('upstreamtop cut incident.db --backend 10.0.1.10:', /--backend 10\.0\.1\.10:8080 *$/m)
      },
    )
  }

  test('a hostile marker is inserted as a word, and Enter runs nothing of it', async (t) => {
    const tmux = new Tmux(t, 120, 30)
    tmux.run(`${enter()}; source upstreamtop.bash; clear; echo ready`)
    await tmux.shows(/^ready$/m)
    for (const begin of ['x$', 'x`', "x'", 'x"', 'x >', 'x &', 'x *']) {
      tmux.type(`upstreamtop replay hostile.db --print --size 80x8 --at @${quoted(begin)}`)
      tmux.press('Tab')
      await tmux.shows(/touch|harm5|a,b/)
      tmux.press('Enter')
      await tmux.shows(/upstreamtop — |no marker/)
      tmux.run('clear; echo next')
      await tmux.shows(/^next$/m)
    }
    noHarm()
  })

  test('what is inserted is read back as the value', () => {
    for (const value of [...HOSTILE, 'a b', 'ä ö', 'tab\there', '~', '#x', '-n', '10.0.1.10:8080']) {
      const { stdout } = spawnSync('bash', ['-c', `printf %s ${quoted(value)}`], {
        encoding: 'utf8',
        cwd: folder,
      })
      assert.equal(stdout, value)
      assert.deepEqual(readLine(`upstreamtop x ${quoted(value)}`).words, ['upstreamtop', 'x', value])
    }
    noHarm()
  })

  test('for any printable text: the word on the line is the text', () => {
    const printable = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => visible(text) === text)
    fc.assert(
      fc.property(printable, (text) => {
        assert.deepEqual(readLine(`a ${quoted(text)}`), { words: ['a', text], raw: quoted(text) })
        assert.deepEqual(insertions([text], '', ''), [quoted(text)])
      }),
    )
  })

  test('quotes on the line are understood, and a word that is quoted is left alone', () => {
    assert.deepEqual(readLine(`a 'b c' "d \\" e" f\\ g `).words, ['a', 'b c', 'd " e', 'f g', ''])
    assert.deepEqual(readLine(`a 'b c`), { words: ['a', 'b c'], raw: "'b c" })
    assert.deepEqual(insertions(['@deploy 1'], '@deploy\\ ', '@deploy\\ '), ['@deploy\\ 1'])
    assert.deepEqual(insertions(['@deploy 1'], "'@dep", "'@dep"), [])
    assert.deepEqual(insertions(['10.0.0.1:80'], '10.0.0.1:', ''), ['80'])
  })
})

describe('zsh', { skip: lacking('zsh') }, () => {
  test('a Tab completes commands, values, markers and file names; a hostile marker is a word', async (t) => {
    const tmux = new Tmux(t, 120, 30)
    tmux.run(`${enter()}; exec zsh -f`)
    tmux.run("PS1='$ '; autoload -Uz compinit; compinit -u; source upstreamtop.zsh; clear; echo ready")
    await tmux.shows(/^ready$/m)
    const typed = async (line: string, shows: RegExp): Promise<void> => {
      tmux.type(line)
      tmux.press('Tab')
      await tmux.shows(shows)
      tmux.press('C-u')
    }
    await typed('upstreamtop repa', /^\$ upstreamtop repair *$/m)
    await typed('upstreamtop replay inci', /^\$ upstreamtop replay incident\.db *$/m)
    await typed('upstreamtop replay incident.db --from @', /--from @deploy\\ 4711 *$/m)
    await typed('upstreamtop report --by=ro', /--by=route *$/m)
    for (const begin of ['x\\$', 'x\\`', "x\\'", 'x\\"', 'x\\ \\>', 'x\\ \\&']) {
      tmux.type(`upstreamtop replay hostile.db --print --size 80x8 --at @${begin}`)
      tmux.press('Tab')
      await tmux.shows(/touch|harm5/)
      tmux.press('Enter')
      await tmux.shows(/upstreamtop — |no marker/)
      tmux.run('clear; echo next')
      await tmux.shows(/^next$/m)
    }
    noHarm()
  })
})

describe('fish', { skip: lacking('fish') }, () => {
  const completed = (line: string): string[] => {
    const script = `source upstreamtop.fish; complete -C ${JSON.stringify(line)}`
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], {
      ...{
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, HOME: folder },
      },
    })
    assert.equal(stderr, '')
    return stdout.trimEnd().split('\n')
  }

  test('it completes commands with what they do, values, markers and file names', () => {
    const [repair, ...others] = completed('upstreamtop repa')
    assert.match(repair!, /^repair\tsave every tick/)
    assert.deepEqual(others, [])
    assert.deepEqual(completed('upstreamtop replay inci'), ['incident.db'])
    assert.deepEqual(completed('upstreamtop replay incident.db --from @'), ['@deploy 4711'])
    assert.deepEqual(completed('upstreamtop report --by=ro'), ['--by=route'])
  })

  test('hostile markers are words', () => {
    assert.deepEqual(
      completed('upstreamtop replay hostile.db --at @x').sort(),
      HOSTILE.map((text) => `@${text}`).sort(),
    )
    noHarm()
  })
})

for (const given of [['completion'], ['completion', 'tcsh']]) {
  test(`${given.join(' ')} is wrong use`, async () => {
    assert.equal((await runCommand(given)).code, 2)
  })
}
