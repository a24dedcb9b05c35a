import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '../../..')

test('a process that was stopped reads what waits before it takes ESC for a key', async (t) => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/replay/terminal/pressing.ts'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value))
  assert.equal(await next(), 'listening')
  child.stdin.write('\u001b')
  assert.deepEqual(await next(), { read: '\u001b' })
  child.kill('SIGSTOP')
  while (!/^State:\tT/m.test(readFileSync(`/proc/${child.pid!}/status`, 'utf8'))) await pause(1)
  // Longer than it waits for what follows ESC.
  await pause(300)
  child.stdin.write('[C')
  child.kill('SIGCONT')
  assert.deepEqual([await next(), await next()], [{ read: '[C' }, { presses: ['right'] }])
})
