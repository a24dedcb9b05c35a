/** Paths come off the wire: no byte of one may reach a terminal that obeys it, in whatever form it is shown. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const capture = new URL('../../fixtures/probe/simulated.ndjson', import.meta.url).pathname
const HOSTILE = '/\u001b[2J\u007f\u009b2J\u202eevil\u200b'
const OBEYED = /[^\P{Cc}\n]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u

test('a hostile path and a hostile marker reach no terminal as they are', async () => {
  await inFolder(async (folder) => {
    const [wire, file] = [join(folder, 'wire.ndjson'), join(folder, 'x.db')]
    const path = JSON.stringify(HOSTILE).slice(1, -1)
    writeFileSync(wire, readFileSync(capture, 'utf8').replaceAll('"/healthz"', `"${path}"`))
    const live = await runCommand(['live', '--probe', `cat ${wire}`])
    assert.match(live.stdout, /\/\\x1b\[2J\\x7f\\x9b2J\\u\{202e\}evil/)
    assert.equal((await runCommand(['record', '--out', file, '--probe', `cat ${wire}`])).code, 0)
    assert.equal((await runCommand(['mark', file, `deploy${HOSTILE}`])).code, 0)
    const shown = await Promise.all(
      [
        ['replay', file, '--print'],
        ['replay', file, '--json', '--at', '50%'],
        ...['text', 'md', 'html', 'json'].map((format) => ['report', file, '--format', format]),
        ...['csv', 'ndjson'].map((format) => ['report', file, '--by', 'route', '--format', format]),
        ...['text', 'csv', 'ndjson'].map((format) => ['requests', file, '--format', format]),
        ...['text', 'json'].map((format) => ['info', file, '--format', format]),
        ...['text', 'md', 'json'].map((format) => ['diff', file, file, '--format', format]),
        ['replay', file, '--print', '--at', '@nowhere'],
      ].map(async (args) => ({ args, ...(await runCommand(args)) })),
    )
    for (const { args, stdout, stderr } of [{ args: ['live'], ...live }, ...shown]) {
      assert.doesNotMatch(stdout, OBEYED, args.join(' '))
      assert.doesNotMatch(stderr, OBEYED, args.join(' '))
      assert.match(stdout + stderr, /2J/, args.join(' '))
    }
    const json = shown.find(({ args }) => args[0] === 'report' && args.at(-1) === 'json')
    const { backends } = JSON.parse(json?.stdout ?? '') as { backends: { routes: { route: string }[] }[] }
    const routes = backends.flatMap((backend) => backend.routes.map(({ route }) => route))
    assert.equal(routes.filter((route) => route === HOSTILE).length, 1)
  })
})
