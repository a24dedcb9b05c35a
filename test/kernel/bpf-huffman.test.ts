/** bpf/kernel/parser/huffman.h on the host, its tables and the codes they are made of. No root, no kernel. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type ClientHttp2Session } from 'node:http2'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import hpack from 'hpack.js'
import { generated } from '../../scripts/generate-huffman.ts'
import { CODES } from '../../scripts/huffman/codes.ts'
import { frame, framesOf, PREFACE, TYPE } from './h2/frames.ts'
import { huffman } from './h2/huffman.ts'
import { lacksCompiler } from './lab/compiler.ts'
import { LONG, ROOT, sh } from './lab/system.ts'

const SHORT = Buffer.from('a'.repeat(24))

test('the generated tables are up to date', () => {
  for (const [path, text] of generated())
    assert.equal(readFileSync(join(ROOT, path), 'utf8'), text, `${path} is stale: run make huffman`)
})

test('the codes are those of hpack.js', () => {
  const theirs = hpack.huffman.encode.map(([length, code], symbol) => ({ symbol, code, length }))
  assert.deepEqual(
    CODES.toSorted((a, b) => a.symbol - b.symbol),
    theirs,
  )
})

test("every byte but 0, which node does not send, is encoded as by node's HTTP/2", async () => {
  // so many short codes that the string is shorter in Huffman's code
  const values = Array.from({ length: 255 }, (_, index) => Buffer.from([index + 1, ...SHORT]))
  const sent = await sentByNode(values)
  const missing = values.filter((value) => {
    const encoded = huffman(value)
    return !sent.includes(Buffer.concat([Buffer.from([0x80 | encoded.length]), encoded]))
  })
  assert.deepEqual(
    missing.map(([byte]) => byte),
    [],
  )
})

describe('the reader in C', { skip: lacksCompiler() }, () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-huffman-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  const all = LONG ? ', in every window of 32 bits' : ''
  test(`tells every symbol, whatever follows it, and no symbol of the beginning of one${all}`, async () => {
    const program = join(folder, 'huffman')
    const source = fileURLToPath(new URL('bpf/huffman.c', import.meta.url))
    const sanitizers = LONG ? [] : ['-fsanitize=address,undefined', '-fno-sanitize-recover']
    await sh('cc', '-O2', '-Wall', '-Wextra', '-Werror', ...sanitizers, source, '-o', program)
    const input = hpack.huffman.encode.map(([length, code], symbol) => `${symbol} ${code} ${length}\n`)
    const ran = spawnSync(program, LONG ? ['all'] : [], { input: input.join(''), encoding: 'utf8' })
    assert.equal(ran.stderr, '')
    assert.equal(ran.stdout, '257 codes\n')
  })
})

/** What node writes to a server that takes one header field a request. */
async function sentByNode(values: readonly Buffer[]): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const closed = once(client, 'close')
  try {
    const [peer] = (await once(server, 'connection')) as [Socket]
    return await requestsOf(client, peer, values)
  } finally {
    client.destroy()
    await closed
    server.close()
  }
}

async function requestsOf(
  client: ClientHttp2Session,
  peer: Socket,
  values: readonly Buffer[],
): Promise<Buffer> {
  peer.write(frame(TYPE.settings, 0, 0, Buffer.alloc(0)))
  for (const value of values)
    client
      .request({ ':path': '/', x: value.toString('latin1') })
      .on('error', () => undefined) // no one answers it
      .end()
  let received = Buffer.alloc(0)
  for await (const bytes of peer as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, bytes])
    const requests = framesOf(received, PREFACE.length).filter(({ type }) => type === TYPE.headers)
    if (requests.length === values.length) break
  }
  return received
}
