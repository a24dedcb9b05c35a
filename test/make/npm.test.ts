/** `make demo` where npm cannot install: it ends with what failed and what to do, not with node's stack. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-npm-'))
after(() => rmSync(folder, { recursive: true }))
for (const part of ['Makefile', 'bpf/bpf.mk', 'scripts', 'package.json', 'package-lock.json', '.npmrc'])
  cpSync(join(root, part), join(folder, part), { recursive: true })

/** In a clone without node_modules, with an empty cache. */
async function demo(registry: string): Promise<{ code: number | null; stderr: string }> {
  const npm = {
    npm_config_registry: registry,
    npm_config_cache: join(folder, 'cache'),
    npm_config_fetch_retries: '0',
  }
  const child = spawn('make', ['--no-print-directory', '-C', folder, 'demo'], {
    env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '', ...npm },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  const [stderr, [code]] = await Promise.all([text(child.stderr), ended])
  return { code, stderr }
}

test('a registry that cannot be reached is named, with what to do', async () => {
  const { code, stderr } = await demo('http://127.0.0.1:1')
  assert.equal(code, 2, stderr)
  assert.match(stderr, /^npm's registry "http:\/\/127.0.0.1:1\/?" cannot be reached \(ECONNREFUSED\)$/m)
  assert.match(stderr, /^ {2}connect this machine, or name a proxy or a mirror: 'npm config set proxy URL'/m)
  assert.match(stderr, /without npm's packages there is nothing to show/)
  assert.doesNotMatch(stderr, /^.* at .*:\d+:\d+\)?$/m)
})

test('a certificate that node does not trust is named, with what to do', async () => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-days', '1', '-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
    { stdio: 'ignore' },
  )
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { code, stderr } = await demo(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  server.close()
  assert.equal(code, 2, stderr)
  assert.match(
    stderr,
    /^the certificate of npm's registry ".*" is not one that node trusts \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/m,
  )
  assert.match(stderr, /'npm config set cafile FILE', then the same again$/m)
  assert.doesNotMatch(stderr, /^.* at .*:\d+:\d+\)?$/m)
})
