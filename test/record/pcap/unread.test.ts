/** What of a capture is not read is said, whatever the reason. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LINKS, pcap, threeRequests, type Link, type Packet } from './conversation.ts'
import { readBytes } from './read.ts'

const packets = threeRequests()
const ANSWERS = '3 segments to nginx are not read: nothing that nginx sends'
const TUNNELS = /^13 packets are in tunnels \(VXLAN, GRE, IPsec or another\), and are not read/

const ethernet = (type: readonly number[], ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([Buffer.alloc(12, 2), Buffer.from(type), ...parts])

/** IPv4 from one tunnel end to the other. */
function outer(protocol: number, payload: Uint8Array): Buffer {
  const header = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2])
  header.writeUInt16BE(header.length + payload.length, 2)
  return ethernet([8, 0], header, payload)
}

const inTunnel: Readonly<Record<string, (packet: Packet) => Buffer>> = {
  'IP in IP': ({ ip }) => outer(4, ip),
  GRE: ({ ip }) => outer(47, Buffer.concat([Buffer.from([0, 0, 8, 0]), ip])),
  'IPsec (AH)': ({ ip }) =>
    outer(51, Buffer.concat([Buffer.from([6, 4, 0, 0]), Buffer.alloc(20), ip.subarray(20)])),
  VXLAN: ({ ip }) =>
    outer(
      17,
      Buffer.concat([
        Buffer.from([0xc0, 0, 0x12, 0xb5, 0, 0, 0, 0]),
        Buffer.from([8, 0, 0, 0, 0, 0, 5, 0]),
        ethernet([8, 0], ip),
      ]),
    ),
  'GRE over UDP': ({ ip }) =>
    outer(17, Buffer.concat([Buffer.from([0xc0, 0, 0x12, 0x92, 0, 0, 0, 0, 0, 0, 8, 0]), ip])),
  Teredo: ({ ip }) => outer(17, Buffer.concat([Buffer.from([0xc0, 0, 0x0d, 0xd8, 0, 0, 0, 0]), ip])),
  MACsec: ({ ip }) => ethernet([0x88, 0xe5], ip),
  'Ethernet in MPLS': ({ ip }) => ethernet([0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0], ethernet([8, 0], ip)),
  'five VLAN tags': ({ ip }) => ethernet([...Array<number[]>(5).fill([0x81, 0, 0, 1]).flat(), 8, 0], ip),
}

describe('packets of tunnels', () => {
  for (const [name, frame] of Object.entries(inTunnel))
    it(name, async () => {
      const link: Link = [1, frame]
      const { counts, notes } = await readBytes(pcap(packets, link))
      assert.deepEqual(counts, {})
      assert.match(notes.join('\n'), TUNNELS)
    })
  it('are not what is neither: ARP, DNS', async () => {
    const dns = Buffer.from([0xc0, 0, 0, 53, 0, 8, 0, 0])
    for (const frame of [ethernet([8, 6], Buffer.alloc(46)), outer(17, dns)]) {
      const { notes } = await readBytes(
        pcap(
          [...packets, ...packets.slice(0, 1)],
          [1, (packet) => (packet === packets[0] ? frame : LINKS.Ethernet![1](packet))],
        ),
      )
      assert.doesNotMatch(notes.join('\n'), /tunnels/)
    }
  })
})

describe('a capture of one direction', () => {
  const isOfServer = ({ ip }: Packet): boolean => ip.readUInt16BE(20) === 8080
  it('of answers alone says that nothing of them counts', async () => {
    const { counts, notes } = await readBytes(pcap(packets.filter(isOfServer)))
    assert.deepEqual(counts, {})
    assert.ok(
      notes.some((note) => note.startsWith(ANSWERS)),
      notes.join('\n'),
    )
  })
  it('of requests alone counts them, and no outcome', async () => {
    const { frames, notes } = await readBytes(pcap(packets.filter((packet) => !isOfServer(packet))))
    const requests = frames.flatMap(({ traffic }) => traffic).reduce((sum, row) => sum + row.requests, 0)
    assert.equal(requests, 3)
    assert.deepEqual(
      frames.flatMap(({ traffic }) => traffic).flatMap(({ codes }) => codes),
      [],
    )
    assert.deepEqual(notes, [])
  })
})

it('segments of which the headers alone were captured are said', async () => {
  const { notes } = await readBytes(pcap(packets, LINKS.Ethernet, { snapLength: 54 }))
  assert.ok(
    notes.includes('7 segments are not read at all: nothing of their payload was captured'),
    notes.join('\n'),
  )
})

it('packets of which none is TCP are said', async () => {
  const unknown: Link = [1, ({ ip }) => Buffer.concat([Buffer.alloc(12, 2), Buffer.from([0x88, 0xb5]), ip])]
  const { counts, notes } = await readBytes(pcap(packets, unknown))
  assert.deepEqual(counts, {})
  assert.deepEqual(notes, [`${packets.length} packets, and no segment of TCP was read in them`])
})
