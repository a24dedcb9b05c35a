/** `record … -- COMMAND`, as a shell and a CI job run it. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { PROGRAM, ROOT, Tmux, WITHOUT_TMUX } from '../replay/tmux.ts'
import { runCommand } from './run-command.ts'

const CAPTURE = join(ROOT, 'fixtures/probe/simulated.ndjson')
/** A helper that writes its last line when its stdin is closed. */
const PROBE = `head -n -1 ${CAPTURE}; read -r _; tail -n 1 ${CAPTURE}`

let folder = ''
before(() => void (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-around-'))))
after(() => rmSync(folder, { recursive: true, force: true }))

const program = ['--import', 'tsx', 'src/main.ts']
const words = (file: string, probe: string, command: readonly string[]): string[] => [
  ...[...program, 'record', '--out', join(folder, file), '--probe', probe],
  ...['--', ...command],
]

function around(file: string, command: readonly string[], probe = PROBE) {
  const { status, stdout, stderr } = spawnSync(process.execPath, words(file, probe, command), {
    ...{ cwd: ROOT, encoding: 'utf8', input: 'asked\n' },
  })
  return { status, stdout, stderr }
}

const isWhole = async (file: string): Promise<boolean> => {
  const { stdout } = await runCommand(['info', join(folder, file), '--format', 'json'])
  return (JSON.parse(stdout) as { recording: { complete: boolean } }).recording.complete
}

describe('a command that is recorded', () => {
  test('runs when the file exists, with our standard streams, and gives its exit code', async () => {
    const file = join(folder, 'code.db')
    const script = `read -r answer; echo "$answer"; echo talk >&2; test -s ${file} && exit 7`
    const { status, stdout, stderr } = around('code.db', ['sh', '-c', script])
    assert.deepEqual([status, stdout], [7, 'asked\n'], stderr)
    assert.match(stderr, /^recording .*\ntalk\n[\d,]+ requests in [\d,]+ ticks, [\d,]+ failures\n$/s)
    assert.equal(await isWhole('code.db'), true)
    const gate = await runCommand(['assert', file, 'requests > 100'])
    assert.equal(gate.code, 0, gate.stdout)
  })

  test('gives 0 when it succeeds, and its options are its own', () => {
    const { status, stdout } = around('own.db', ['printf', '%s ', '--out', '--', '--help'])
    assert.deepEqual([status, stdout], [0, '--out -- --help '])
  })

  test('gives 128 and the number of the signal that ended it', async () => {
    assert.equal(around('killed.db', ['sh', '-c', 'kill -9 $$']).status, 137)
    assert.equal(await isWhole('killed.db'), true)
  })

  test('gives 127 when there is none, and 126 when it may not be run; the recording is whole', async () => {
    const none = around('none.db', ['no-such-command'])
    assert.equal(none.status, 127)
    assert.match(
      none.stderr,
      /^upstreamtop: "no-such-command" could not be started: there is no such command$/m,
    )
    assert.equal(around('text.db', [join(ROOT, 'README.md')]).status, 126)
    assert.equal(await isWhole('none.db'), true)
  })

  test('is not waited for longer than it lives: what it left in the background goes on', async () => {
    const pid = join(folder, 'left.pid')
    const { status } = around('left.db', [
      'sh',
      '-c',
      `sleep 60 >/dev/null 2>&1 </dev/null & echo $! > ${pid}`,
    ])
    assert.equal(status, 0)
    assert.ok(process.kill(Number(readFileSync(pid, 'utf8')), 'SIGTERM'))
    assert.equal(await isWhole('left.db'), true)
  })

  test('goes on when the recorder ends before it; that is said, and is its exit code', () => {
    const said = join(folder, 'went-on')
    const script = `sleep 2; echo done > ${said}; exit 3`
    const dead = around('dead.db', ['sh', '-c', script], `head -n 20 ${CAPTURE}; kill -9 $$`)
    assert.equal(dead.status, 4)
    assert.match(
      dead.stderr,
      /the recording has ended; "sh" goes on\nupstreamtop: the helper .* was killed by SIGKILL/,
    )
    assert.equal(readFileSync(said, 'utf8'), 'done\n')
  })

  test('goes on after --secs, and gives its exit code', () => {
    const secs = [...words('secs.db', PROBE, ['sh', '-c', 'sleep 2; exit 3'])]
    secs.splice(secs.indexOf('--'), 0, '--secs', '1')
    assert.equal(spawnSync(process.execPath, secs, { cwd: ROOT }).status, 3)
  })

  test('does not start when nothing can be recorded', () => {
    const said = join(folder, 'never')
    const { status, stderr } = around('never.db', ['touch', said], 'exit 4')
    assert.equal(status, 4, stderr)
    assert.ok(!existsSync(said) && !existsSync(join(folder, 'never.db')))
  })
})

describe('signals to a recorder with a command', () => {
  /** A command that says when it runs, and which signal it gets. */
  const SAYS =
    'for s in INT TERM HUP; do trap "echo got $s; exit 5" $s; done; echo begun; while :; do sleep 0.05; done'

  async function begun(file: string): Promise<{ child: ChildProcess; said: () => string }> {
    const child = spawn(process.execPath, words(file, PROBE, ['sh', '-c', SAYS]), {
      ...{ cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    while (!text.includes('begun')) await pause(20)
    return { child, said: () => text }
  }

  for (const [signal, name] of [
    ['SIGTERM', 'TERM'],
    ['SIGHUP', 'HUP'],
    ['SIGINT', 'INT'],
  ] as const) {
    test(`${signal} is passed on, and the recording ends whole`, async () => {
      const { child, said } = await begun(`${signal}.db`)
      child.kill(signal)
      assert.deepEqual(await once(child, 'close'), [5, null])
      assert.equal(said(), `begun\ngot ${name}\n`)
      assert.equal(await isWhole(`${signal}.db`), true)
    })
  }

  test('Ctrl-C of a terminal reaches both, the command once', { skip: WITHOUT_TMUX }, async (t) => {
    const tmux = new Tmux(t)
    const file = join(folder, 'terminal.db')
    const script = join(folder, 'says.sh')
    const counts = 'n=0; trap "n=\\$((n + 1)); echo got \\$n" INT; echo begun; '
    writeFileSync(script, `${counts}until [ $n -gt 0 ]; do sleep 0.05; done; sleep 0.5; echo all $n; exit 6`)
    tmux.run(`${PROGRAM} record --out ${file} --probe '${PROBE}' -- sh ${script}; echo code $?`)
    await tmux.shows(/^begun$/m)
    assert.equal(tmux.is('alternate_on'), '0')
    tmux.press('C-c')
    await tmux.shows(/^all 1$[^]*^code 6$/m)
    assert.equal(await isWhole('terminal.db'), true)
  })
})

for (const [given, says] of [
  [['npm', 'test'], /"npm" is none.*\n.*after --/],
  [['npm', '--', 'test'], /"npm" is none/],
  [['--'], /there is no command after "--"/],
  [['--', ''], /there is no command after "--"/],
  [['--json', '--', 'true'], /would both write to standard output/],
] as const) {
  test(`record … ${given.join(' ')} is wrong use`, async () => {
    const { code, stderr } = await runCommand(['record', '--out', join(folder, 'wrong.db'), ...given])
    assert.equal(code, 2, stderr)
    assert.match(stderr, says)
  })
}
