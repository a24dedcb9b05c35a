/** An answer of 101 makes a tunnel of the connection where the request asked for another protocol, and is one like others elsewhere. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Conversation, ENDS, pcap, type Packet } from './conversation.ts'
import { readBytes } from './read.ts'

const BACKEND = '10.0.1.10:8080'
const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\n'

/** Later a request and its answer, which in a tunnel are bytes. */
async function countsOf(request: readonly string[], answer: string): Promise<Record<string, number>> {
  const talk = new Conversation().open()
  for (const text of request) talk.asks(text)
  talk.answers(answer).acknowledges().asks(get('/next')).answers(OK).acknowledges()
  const older: readonly Packet[] = new Conversation({ ...ENDS, clientPort: 50_000 }).open().packets
  const fresh = (await readBytes(pcap(talk.packets))).counts
  const midstream = (await readBytes(pcap([...older, ...talk.packets.slice(3)]))).counts
  assert.deepEqual(fresh, midstream)
  const { [`${BACKEND} connects`]: connects, ...counts } = fresh
  assert.equal(connects, 1)
  return counts
}

const TUNNEL = { [`${BACKEND} GET /a 101`]: 1 }
const KEPT = { ...TUNNEL, [`${BACKEND} GET /next 200`]: 1 }

describe('behind an answer of 101', () => {
  for (const fields of ['Upgrade: websocket\r\n', 'uPGRADE:x\r\n', `Upgrade: ${'x'.repeat(900)}\r\n`])
    it(`nothing is read where it was asked for: ${fields.slice(0, 20).trim()}`, async () => {
      const request = get('/a', fields)
      assert.deepEqual(await countsOf([request], `${SWITCHING}Upgrade: x\r\n\r\n`), TUNNEL)
      assert.deepEqual(await countsOf([request], `${SWITCHING}Content-Length: 0\r\n\r\n`), TUNNEL)
      for (const cut of [20, 42, 45, 50])
        assert.deepEqual(
          await countsOf([request.slice(0, cut), request.slice(cut)], `${SWITCHING}\r\n`),
          TUNNEL,
          `${cut}`,
        )
    })

  for (const fields of ['', 'X-Upgrade: x\r\n', 'Upgrade-Insecure-Requests: 1\r\n', 'X: Upgrade: x\r\n'])
    it(`the connection goes on where it was not: ${fields.trim()}`, async () => {
      const request = get('/a', fields)
      for (const end of [
        'Content-Length: 0\r\n\r\n',
        'Content-Length: 2\r\n\r\nab',
        'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ])
        assert.deepEqual(await countsOf([request], SWITCHING + end), KEPT, end)
    })

  it('bytes of an unasked tunnel are not requests', async () => {
    const talk = new Conversation().open().asks(get('/a')).answers(`${SWITCHING}Upgrade: x\r\n\r\n`)
    talk.asks('\x01\x05hello').answers('\x01\x05world').asks('more')
    const { counts } = await readBytes(pcap(talk.close().packets))
    assert.deepEqual(counts, { ...TUNNEL, [`${BACKEND} connects`]: 1 })
  })
})
