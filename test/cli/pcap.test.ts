/** record --pcap and live --pcap, as they are typed. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pcap, threeRequests, ENDS } from '../record/pcap/conversation.ts'
import { runCommand } from './run-command.ts'

const THIS_FILE = import.meta.filename

describe('a capture on the command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-pcap-'))
  after(() => rmSync(folder, { recursive: true }))
  const capture = join(folder, 'proxy1.pcap.gz')
  const out = join(folder, 'out.db')
  const front = threeRequests({ ...ENDS, client: '10.9.9.9', server: '10.0.0.1', serverPort: 80 })
  writeFileSync(capture, gzipSync(pcap([...threeRequests(), ...front].sort((a, b) => Number(a.at - b.at)))))

  const codes = async (...options: readonly string[]): Promise<string[]> => {
    rmSync(out, { force: true })
    const { code, stderr } = await runCommand([
      'record',
      '--pcap',
      capture,
      '--out',
      out,
      '--quiet',
      ...options,
    ])
    assert.equal(code, 0, stderr)
    const { stdout } = await runCommand(['report', out, '--by', 'route', '--format', 'csv'])
    return stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',').slice(0, 3).join(' '))
      .sort()
  }
  const behind = ['10.0.1.10:8080 GET /a', '10.0.1.10:8080 GET /c', '10.0.1.10:8080 POST /b']
  const before = ['10.0.0.1:80 GET /a', '10.0.0.1:80 GET /c', '10.0.0.1:80 POST /b']

  it('becomes a recording that is whole, named after its file', async () => {
    assert.deepEqual(await codes(), [...before, ...behind])
    assert.equal((await runCommand(['check', out])).code, 0)
    const { recording } = JSON.parse((await runCommand(['info', out, '--format', 'json'])).stdout) as {
      recording: { host: string; ticks: number }
    }
    assert.deepEqual([recording.host, recording.ticks], ['proxy1', 2])
  })
  it('is narrowed by where nginx is, by ports of backends, and as any recording', async () => {
    assert.deepEqual(await codes('--client', '10.0.0.0/30'), behind)
    assert.deepEqual(await codes('--server-port', '8080,9001'), behind)
    assert.deepEqual(await codes('--ignore', '80'), behind)
    assert.deepEqual(await codes('--only', '10.0.0.1'), before)
  })
  it('comes from standard input, too, to the screen as to programs', async () => {
    const { code, stdout, stderr } = await runCommand(['live', '--pcap', '-', '--json'], {
      stdin: pcap(threeRequests()),
    })
    assert.equal(code, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 2)
    assert.equal((JSON.parse(lines[0]!) as { totals: { requests: number } }).totals.requests, 2)
  })
  it('says at the end what was read', async () => {
    rmSync(out, { force: true })
    const { stdout, stderr } = await runCommand(['record', '--pcap', capture, '--out', out])
    assert.equal(stdout, '')
    assert.equal(stderr, `recording proxy1.pcap.gz to ${out}\n6 requests in 2 ticks, 0 failures\n`)
  })
  it('is refused with words', async () => {
    const said = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await runCommand(['record', '--out', join(folder, 'no.db'), ...args])
      assert.equal(code, 2, stderr)
      return stderr
    }
    assert.match(await said('--pcap', join(folder, 'none')), /there is no such file/)
    assert.match(await said('--pcap', folder), /is a folder/)
    assert.match(await said('--pcap', THIS_FILE), /it is no capture: neither pcap nor pcapng/)
    assert.match(await said('--pcap', capture, '--iface', 'eth0'), /--iface is for the kernel/)
    assert.match(await said('--pcap', capture, '--tls'), /--tls is for the kernel/)
    assert.match(await said('--pcap', capture, '--secs', '5'), /--secs 5 are seconds of this machine/)
    assert.match(await said('--client', '10.0.0.0/8'), /goes with --pcap FILE/)
    assert.match(await said('--pcap', capture, '--server-port', '0'), /"0" is no port/)
    assert.match(await said('--pcap', capture, '--client', 'web'), /--client "web" is no network/)
  })
})
