/** The command `view`: what it prints, what it refuses, how it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { runCommand } from './run-command.ts'

const ROOT = join(import.meta.dirname, '../..')
const INCIDENT = 'fixtures/recordings/incident.db'

test('it prints the address of the page, serves it, and ends by a signal', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const args = ['--import', 'tsx', 'src/main.ts', 'view', INCIDENT, '--from', '+60s', '--to', '+30s']
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    const [address] = (await once(createInterface(child.stdout), 'line')) as [string]
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/)
    const page = await fetch(address)
    assert.equal(page.status, 200)
    assert.match(await page.text(), /^<!doctype html>/i)
    const facts = (await (await fetch(`${address}facts`)).json()) as { from: number; to: number }
    assert.equal(facts.to - facts.from, 30)
    child.kill(signal)
    assert.deepEqual(await ended, [130, null], signal)
  }
})

test('what it cannot serve it refuses, with what to do', async () => {
  const refused: readonly (readonly [string[], RegExp])[] = [
    [[INCIDENT, '--listen', '0.0.0.0:0'], /only this host itself[^]*ssh -L/],
    [[INCIDENT, '--listen', 'x'], /no HOST:PORT/],
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

test('a port that is taken, and a file that is no recording, have exit codes of their own', async () => {
  assert.equal((await runCommand(['view', 'fixtures/recordings/foreign.db'])).code, 5)
  assert.equal((await runCommand(['view', 'fixtures/recordings/newer.db'])).code, 5)
})
