/** Where a body ends: what nginx takes for a Content-Length is one, and where it cannot be told, no request is made up in silence. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { Conversation, pcap } from './conversation.ts'
import { readBytes } from './read.ts'

const BACKEND = '10.0.1.10:8080'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
/** Looks like a request, and is as long as the lengths below say. */
const BODY = 'GET /no HTTP/1.1\r\n\r\n'

interface Told {
  readonly counts: Readonly<Record<string, number>>
  readonly ambiguous: number
}

async function read(talk: Conversation): Promise<Told> {
  const { counts, frames } = await readBytes(pcap(talk.packets))
  return { counts, ambiguous: sumOf(frames.map(ofFrame)).loss.ambiguous }
}

/** Two requests, the first with these fields and the body, in so many segments. */
const posts = (fields: string, body = BODY, at = 0): Conversation => {
  const first = `POST /a HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}`
  const talk = new Conversation().open()
  if (at > 0) talk.asks(first.slice(0, at))
  return talk
    .asks(first.slice(at))
    .answers(OK)
    .acknowledges()
    .asks('GET /b HTTP/1.1\r\n\r\n')
    .answers(OK)
    .close()
}
const TWO = { [`${BACKEND} POST /a 200`]: 1, [`${BACKEND} GET /b 200`]: 1, [`${BACKEND} connects`]: 1 }

describe('the length of a request’s body', () => {
  for (const [name, fields] of Object.entries({
    plain: 'Content-Length: 20\r\n',
    'with spaces': 'Content-Length:   20  \r\n',
    '32 digits': `Content-Length: ${'20'.padStart(32, '0')}\r\n`,
    '40 digits': `Content-Length: ${'20'.padStart(40, '0')}\r\n`,
    'twice the same': 'Content-Length: 20\r\nContent-Length: 20\r\n',
    'of no such name': 'Content-Length: 20\r\nContent-Lengths: 5\r\nX-Content-Length: 7\r\n',
  }))
    it(`is known: ${name}`, async () => {
      assert.deepEqual(await read(posts(fields)), { counts: TWO, ambiguous: 0 })
    })

  for (const [name, fields] of Object.entries({
    'more than an off_t': 'Content-Length: 9223372036854775808\r\n',
    'more than 64 bits': 'Content-Length: 18446744073709551621\r\n',
    'a sign': 'Content-Length: +20\r\n',
    negative: 'Content-Length: -20\r\n',
    none: 'Content-Length:\r\n',
    tabs: 'Content-Length:\t20\r\n',
    'a list': 'Content-Length: 20, 20\r\n',
    'two that differ': 'Content-Length: 20\r\nContent-Length: 2\r\n',
    'hexadecimal digits': 'Content-Length: 0x14\r\n',
    'a space before the colon': 'Content-Length : 20\r\n',
    '200 digits': `Content-Length: ${'20'.padStart(200, '0')}\r\n`,
    'a coding that does not end it': 'Transfer-Encoding: chunked, identity\r\n',
    'a coding with a space before the colon': 'Transfer-Encoding : chunked\r\n',
  }))
    it(`is not known, and said: ${name}`, async () => {
      assert.deepEqual(await read(posts(fields)), { counts: TWO, ambiguous: 1 })
    })

  it('does not matter where the body is in chunks', async () => {
    const chunked = await read(
      posts('Content-Length: x\r\nTransfer-Encoding: chunked\r\n', `14\r\n${BODY}\r\n0\r\n\r\n`),
    )
    assert.deepEqual(chunked, { counts: TWO, ambiguous: 0 })
  })

  it('is not guessed where a segment ends within its long line', async () => {
    const fields = `Content-Length:${' '.repeat(100)}20\r\n`
    assert.deepEqual(await read(posts(fields)), { counts: TWO, ambiguous: 0 })
    assert.deepEqual(await read(posts(fields, BODY, 130)), { counts: TWO, ambiguous: 1 })
  })
})

describe('the length of an answer’s body', () => {
  const answered = (fields: string, body = 'HTTP/1.1 500 No\r\n\r\n'): Conversation =>
    new Conversation()
      .open()
      .asks('GET /a HTTP/1.1\r\n\r\n')
      .answers(`HTTP/1.1 200 OK\r\n${fields}\r\n`)
      .answers(body)
      .acknowledges()
  const ONE = { [`${BACKEND} GET /a 200`]: 1, [`${BACKEND} connects`]: 1 }

  it('may have zeros before it: the next answer follows', async () => {
    const talk = answered(`Content-Length: ${'19'.padStart(40, '0')}\r\n`)
    assert.deepEqual(await read(talk.asks('GET /b HTTP/1.1\r\n\r\n').answers(OK).close()), {
      counts: { ...ONE, [`${BACKEND} GET /b 200`]: 1 },
      ambiguous: 0,
    })
  })

  for (const fields of [
    'Content-Length: 18446744073709551621\r\n',
    'Content-Length: 5, 5\r\n',
    'Content-Length: -1\r\n',
  ])
    it(`is none to nginx, and goes on until the connection ends: ${fields.trim()}`, async () => {
      assert.deepEqual(await read(answered(fields).close()), { counts: ONE, ambiguous: 0 })
    })

  it('is over, where it is none, when the next request is sent', async () => {
    const talk = answered('Content-Length: 5, 5\r\n', 'hello')
    assert.deepEqual(await read(talk.asks('GET /b HTTP/1.1\r\n\r\n').answers(OK).close()), {
      counts: { ...ONE, [`${BACKEND} GET /b 200`]: 1 },
      ambiguous: 0,
    })
  })
})
