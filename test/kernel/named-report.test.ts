/** The names of nginx's configuration through the whole program, over a reload: kernel → helper → recorder → file → report. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { Cable } from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import { lacking, ROOT, sh } from './lab/system.ts'

const MAIN = join(ROOT, 'dist/main.js')
const [A, B, C] = ['10.77.0.2:9101', '10.77.0.3:9101', '10.77.0.4:9101']

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

describe('a recording of nginx with names', { skip: lacking('python3') }, () => {
  let cable: Cable
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-named-'))
  before(async () => {
    cable = await Cable.create()
    for (const last of [2, 3, 4]) await cable.far.call('listen', { address: `10.77.0.${last}`, port: 9101 })
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await cable.remove()
  })

  const ask = (path: string, times: number): Promise<unknown> =>
    cable.proxy.call('ask', {
      address: '127.0.0.1',
      port: 8080,
      requests: [`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`],
      times,
    })

  test('report by upstream equals nginx’s log, before and after a reload that renames', async () => {
    const nginx = await startLabNginx(
      cable.proxy.namespace,
      `upstream api { server 10.77.0.2:9101; server 10.77.0.3:9101; } upstream web { server 10.77.0.2:9101; }
       server { listen 127.0.0.1:8080; location /api { proxy_pass http://api; } location /web { proxy_pass http://web; }
         location /literal { proxy_pass http://10.77.0.4:9101; } }`,
      false,
    )
    const file = join(folder, 'named.db')
    const recorder = spawn(
      'ip',
      [
        'netns',
        'exec',
        cable.proxy.namespace,
        process.execPath,
        MAIN,
        'record',
        '--out',
        file,
        '--name',
        `${C}=legacy`,
      ],
      { env: { ...process.env, SUDO_UID: '' }, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    recorder.stderr.on('data', (part: Buffer) => (said += part.toString()))
    while (!/^recording /m.test(said)) await sleep(50)
    const report = (...args: string[]): Promise<string> => sh(process.execPath, MAIN, 'report', file, ...args)
    const named = async (): Promise<Readonly<Record<string, number>>> => {
      const { backends } = JSON.parse(await report('--format', 'json')) as ReportDocument
      return Object.fromEntries(
        backends.map(({ backend, name, requests }) => [`${name ?? '-'} ${backend}`, requests]),
      )
    }
    try {
      await ask('/api', 8)
      await ask('/web', 4)
      await ask('/literal', 2)
      // What is renamed within a tick has the new name in all of it.
      while (sumOf(await named()) < 14) await sleep(200)
      const conf = join(nginx.folder, 'nginx.conf')
      const renamed = readFileSync(conf, 'utf8')
        .replaceAll('upstream api', 'upstream shop')
        .replace('http://api', 'http://shop')
      writeFileSync(conf, renamed)
      process.kill(nginx.master(), 'SIGHUP')
      while (!Object.hasOwn(await named(), `shop, web ${A}`)) await ask('/api', 4)
    } finally {
      recorder.kill('SIGINT')
    }
    const [code] = (await once(recorder, 'exit')) as [number]
    assert.equal(code, 0, said)
    const attempts = nginx.attempts().length
    await nginx.stop()
    const found = await named()
    assert.deepEqual(Object.keys(found).sort(), [
      `api ${B}`,
      `api, web ${A}`,
      `legacy ${C}`,
      `shop ${B}`,
      `shop, web ${A}`,
    ])
    assert.ok(found[`api, web ${A}`]! >= 8 && found[`api ${B}`]! >= 4)
    assert.equal(found[`legacy ${C}`], 2)
    assert.equal(sumOf(found), attempts)
    const rows = (await report('--by', 'upstream', '--format', 'ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { requests: number })
    assert.equal(
      rows.reduce((sum, { requests }) => sum + requests, 0),
      attempts,
    )
  })
})
