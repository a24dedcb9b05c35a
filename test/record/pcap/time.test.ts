import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Conversation, ENDS, LINKS, pcap, pcapng, START } from './conversation.ts'
import { readBytes } from './read.ts'

const asking = (conversation: Conversation): Conversation =>
  conversation
    .asks('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
    .answers('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

describe('pauses of a capture', () => {
  it('have a tick for each second, as where a recorder ran', async () => {
    const { packets } = asking(asking(new Conversation().open()).waits(400_000))
    const { frames, notes, counts } = await readBytes(pcap(packets))
    assert.equal(frames.length, 401)
    assert.ok(frames.every(({ length }) => length <= 1_000_000))
    assert.deepEqual(notes, [])
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 2)
  })

  it('of hours are one late tick behind ten minutes, and it is said', async () => {
    const { packets } = asking(asking(new Conversation().open()).waits(7_200_000))
    const { frames, notes, counts } = await readBytes(pcap(packets))
    assert.ok(frames.length < 620, `${frames.length} ticks`)
    assert.ok(frames.reduce((sum, { length }) => sum + length, 0) >= 7_200e6)
    assert.match(notes.join(), /^6\d\d\d seconds without a packet have no tick of their own/)
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 2)
  })

  it('that come again and again do not make more ticks than packets pay for', async () => {
    const conversation = new Conversation().open()
    for (let i = 0; i < 150; i++) asking(conversation).waits(500_000)
    const { packets } = conversation
    const { frames, notes, counts } = await readBytes(pcap(packets))
    assert.ok(
      frames.length <= 3600 + 4 * packets.length,
      `${frames.length} ticks of ${packets.length} packets`,
    )
    assert.match(notes.join(), /seconds without a packet have no tick of their own/)
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 150)
  })

  it('of years lose no tick, and no second of the capture', async () => {
    const { packets } = asking(asking(new Conversation().open()).waits(3 * 366 * 86_400_000))
    const { frames, notes, counts } = await readBytes(pcap(packets))
    assert.ok(frames.reduce((sum, { length }) => sum + length, 0) >= 3 * 366 * 86_400e6)
    assert.match(notes.join(), /^9\d{7} seconds without a packet have no tick of their own/)
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 2)
  })
})

describe('a capture that begins in the last microsecond of a second', () => {
  it('has no tick without a length', async () => {
    const { packets } = asking(new Conversation(ENDS, START + 999_999_999n).open())
    const { frames, counts } = await readBytes(pcap(packets, LINKS.Ethernet, { isNs: true }))
    assert.equal(frames.length, 1)
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 1)
  })
})

describe('packets of a time that no recording has', () => {
  const year = (n: number): bigint => BigInt(Date.UTC(n, 0)) * 1_000_000n

  it('count at that of the one before them, and it is said', async () => {
    const packets = asking(new Conversation().open()).packets.map((packet, i) =>
      i === 3 ? { ...packet, at: year(3000) } : i === 4 ? { ...packet, at: 2n ** 73n } : packet,
    )
    const { frames, notes, counts } = await readBytes(pcapng(packets))
    assert.equal(frames.length, 1)
    assert.match(notes.join(), /^2 packets have a time before 1970 or after 2200/)
    assert.equal(counts['10.0.1.10:8080 GET /a 200'], 1)
  })

  it('are in 1970 where no other is', async () => {
    const { frames, counts } = await readBytes(
      pcapng(asking(new Conversation(ENDS, year(3000)).open()).packets),
    )
    assert.deepEqual([frames.length, frames[0]?.start, counts['10.0.1.10:8080 GET /a 200']], [1, 0, 1])
  })
})
