/** The command `view`: what it prints, what it refuses, how it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { createRecording } from '../../src/store/write/writer.ts'
import { frame, START } from '../report/fake.ts'
import { inFolder, META } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
const INCIDENT = 'fixtures/recordings/incident.db'

interface Started {
  readonly address: string
  /** @returns its exit code, and the signal that it died of */
  readonly end: (signal: NodeJS.Signals) => Promise<unknown[]>
}

async function started(t: TestContext, args: readonly string[]): Promise<Started> {
  const command = ['--import', 'tsx', 'src/main.ts', 'view', ...args]
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string]
  const end = (signal: NodeJS.Signals): Promise<unknown[]> => {
    child.kill(signal)
    return ended
  }
  return { address, end }
}

test('it prints the address of the page, serves it, and ends by a signal', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { address, end } = await started(t, [INCIDENT, '--from', '+60s', '--to', '+30s'])
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
    const page = await fetch(address)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /^<!doctype html>/i)
    const facts = (await (await fetch(`${address}facts`)).json()) as { from: number; to: number }
    assert.equal(facts.to - facts.from, 30)
    assert.deepEqual(await end(signal), [130, null], signal)
  }
})

test('two files are two sides, each with its own host and zone, unless a zone is named', async (t) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'web2.db')
    const sink = createRecording(file, { ...META, host: 'web2', timeZone: 'America/New_York' })
    sink.append(frame(0, START, []))
    sink.close()
    for (const [options, zones] of [
      [[], ['Europe/Berlin', 'America/New_York']],
      [
        ['--tz', 'UTC'],
        ['UTC', 'UTC'],
      ],
    ] as const) {
      const { address, end } = await started(t, [INCIDENT, file, ...options])
      const sides = await Promise.all(
        [0, 1].map(async (side) => {
          const answer = await fetch(`${address}facts?side=${side}`)
          return (await answer.json()) as { host: string; zone: string; sides: number }
        }),
      )
      assert.deepEqual(
        sides.map(({ host, zone, sides }) => [host, zone, sides]),
        [
          ['web1', zones[0], 2],
          ['web2', zones[1], 2],
        ],
      )
      await end('SIGINT')
    }
  })
})

test('what it cannot serve it refuses, with what to do', async () => {
  const refused: readonly (readonly [string[], RegExp])[] = [
    [[INCIDENT, '--listen', '0.0.0.0:0'], /only this host itself[^]*ssh -L/],
    [[INCIDENT, '--listen', 'x'], /no HOST:PORT/],
    [[INCIDENT, '--listen', ''], /no HOST:PORT/],
    [[INCIDENT, '--listen', '127.0.0.1:65536'], /no HOST:PORT/],
    [[INCIDENT, '--listen', 'web1:8080'], /only this host itself/],
    [['-'], /a file is needed/],
    [[INCIDENT, INCIDENT, INCIDENT], /one too many[^]*report/],
    [[INCIDENT, '--where', 'p99 >'], /--where: .*character 6/],
    [[INCIDENT, '--where', 'status = 500'], /single requests/],
    [[INCIDENT, '--from', '25:00'], /--from/],
    [['no-such.db'], /no-such\.db/],
    [[], /missing required argument/],
  ]
  for (const [args, words] of refused) {
    const { code, stdout, stderr } = await runCommand(['view', ...args])
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, words)
  }
})

test('a recording without ticks has no page, and no time to be marked', async () => {
  const empty = 'fixtures/recordings/no-tick.db'
  for (const files of [[empty], [INCIDENT, empty]]) {
    const { code, stdout, stderr } = await runCommand(['view', ...files])
    assert.deepEqual([code, stdout], [5, ''])
    assert.match(stderr, /no-tick\.db" has no ticks: there is nothing to show\n {2}upstreamtop check/)
  }
  await inFolder(async (folder) => {
    const file = join(folder, 'empty.db')
    copyFileSync(empty, file)
    const { code, stderr } = await runCommand(['mark', file, 'a note'])
    assert.equal(code, 5)
    assert.match(stderr, /empty\.db" has no ticks: it has no time to be marked/)
    assert.deepEqual(readFileSync(file), readFileSync(empty))
  })
})

test('a port that is taken, and a file that is no recording, have exit codes of their own', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`
  const { code, stdout, stderr } = await runCommand(['view', INCIDENT, '--listen', taken])
  assert.deepEqual([code, stdout], [4, ''])
  assert.match(stderr, /the port is in use[^]*0 for any that is free/)
  assert.equal((await runCommand(['view', 'fixtures/recordings/foreign.db'])).code, 5)
  assert.equal((await runCommand(['view', 'fixtures/recordings/newer.db'])).code, 5)
})
