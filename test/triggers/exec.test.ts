/** What --exec runs: an example that is given, with no right of the recorder's. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { PROGRAM, Tmux, WITHOUT_TMUX } from '../replay/tmux.ts'
import { dumpsIn, probeOf, Recorder } from './recorder.ts'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-exec-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const JOB = { secs: 120, rps: 30, incidents: [{ kind: '5xx', from: 60, to: 120, backend: 1 }] } as const
const ON = ['--on', '5xx(*) > 20%']

async function said(name: string, exec: string, setpriv: readonly string[] = []): Promise<string> {
  const words = ['--out', join(folder, name), '--quiet', ...ON, '--exec', exec, '--probe', probeOf(JOB)]
  const recorder = new Recorder(words, { setpriv })
  assert.equal(await recorder.ended(), 0, recorder.said)
  return recorder.said
}

describe('contrib/notify.sh', () => {
  const program = join(folder, 'upstreamtop')
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  writeFileSync(
    program,
    `#!/bin/sh\nexec ${process.execPath} --import ${tsx} ${join(ROOT, 'src/main.ts')} "$@"\n`,
  )
  chmodSync(program, 0o755)
  const notify = `UPSTREAMTOP=${program} ${join(ROOT, 'contrib/notify.sh')} "$1" "$2"`

  it('sends what was measured and the first lines of a report', async () => {
    let request: IncomingMessage | null = null
    const body = new Promise<string>((resolve) => {
      server.on('request', (asked, answer) => {
        request = asked
        void text(asked).then((all) => {
          answer.end()
          resolve(all)
        })
      })
    })
    server.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const out = await said('sent.db', `NOTIFY_URL=http://127.0.0.1:${port}/hook ${notify}`)
    const sent = await body
    server.close()
    assert.doesNotMatch(out, /--exec/, out)
    assert.equal((request as IncomingMessage | null)?.url, '/hook')
    assert.match(sent, /^\S+: 5xx\(\*\) > 20%: 5xx\(10\.0\.1\.1\d:8080\) \d+\.\d%[^\n]*\n\n/)
    assert.match(sent, /10\.0\.1\.11:8080/)
    assert.ok(sent.trimEnd().endsWith(dumpsIn(folder).at(-1)!), sent)
    assert.ok(sent.split('\n').length <= 45)
  })
  const server = createServer()

  it('prints it where nothing else is said, and fails as its program does', async () => {
    assert.match(await said('printed.db', notify), /--exec: .*: 5xx\(\*\) > 20%: /)
    const failed = await said('failed.db', `NOTIFY_URL=http://127.0.0.1:1/ ${notify}`)
    assert.match(failed, /--exec: curl: .*\n[^]*ended with exit code "7"/)
  })
})

const isRoot = process.getuid?.() === 0

describe('the command', { skip: !isRoot && 'needs root' }, () => {
  const setpriv = '/usr/bin/setpriv'
  for (const [whose, wrapper] of [
    ['of root', []],
    [
      'of a unit with ambient capabilities',
      [setpriv, '--inh-caps=+net_raw', '--ambient-caps=+net_raw', '--'],
    ],
  ] as const) {
    it(`has no capability ${whose}`, async () => {
      const out = await said(`caps-${wrapper.length}.db`, 'grep ^Cap /proc/self/status', wrapper)
      const sets = [...out.matchAll(/Cap(Inh|Prm|Eff|Bnd|Amb):\D*x09(\w+)$/gm)].map(([, set, bits]) => [
        set,
        Number(bits),
      ])
      assert.deepEqual(
        sets,
        ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => [set, 0]),
        out,
      )
    })
  }
})

it('the marker is a note on the screen', { skip: WITHOUT_TMUX }, async (t) => {
  const tmux = new Tmux(t)
  const script = join(folder, 'probe.sh')
  // The only tick is the one in which it begins to hold.
  writeFileSync(script, probeOf({ secs: 1, rps: 30, stays: true }))
  tmux.run(`${PROGRAM} record --out ${join(folder, 'screen.db')} --on 'rps > 1' --probe 'sh ${script}'`)
  await tmux.shows(/rps > 1: rps \d+/)
})
