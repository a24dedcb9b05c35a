/** Packets of made-up connections, and captures of them in every form. */

export interface Packet {
  /** ns since 1970 */
  readonly at: bigint
  /** from its IP header on */
  readonly ip: Buffer
}

export const START = 1_763_820_000_000_000_000n
const MS = 1_000_000n

const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16]

export interface Ends {
  readonly client: string
  readonly server: string
  readonly clientPort: number
  readonly serverPort: number
}
export const ENDS: Ends = { client: '10.0.0.1', server: '10.0.1.10', clientPort: 40_000, serverPort: 8080 }
export const ENDS6: Ends = { client: 'fd00::1', server: 'fd00::2', clientPort: 40_001, serverPort: 8080 }

/** A connection, packet by packet, a millisecond apart. */
export class Conversation {
  readonly packets: Packet[] = []
  #at: bigint
  readonly #seq: Record<'client' | 'server', number>

  constructor(
    readonly ends: Ends = ENDS,
    at = START,
    serverSeq = 5000,
    /** with TCP timestamps */
    readonly hasStamps = false,
    clientSeq = 1000,
  ) {
    this.#at = at
    this.#seq = { client: clientSeq, server: serverSeq }
  }

  open(): this {
    return this.opens().accepts()
  }
  /** @param text in the SYN: Fast Open */
  opens(text = ''): this {
    return this.#send('client', SYN, text)
  }
  accepts(): this {
    return this.#send('server', SYN | ACK, '').#send('client', ACK, '')
  }
  asks(text: string): this {
    return this.#send('client', PSH | ACK, text)
  }
  answers(text: string): this {
    return this.#send('server', PSH | ACK, text)
  }
  /** The server closes with it. */
  answersLast(text: string): this {
    return this.#send('server', FIN | PSH | ACK, text)
  }
  acknowledges(): this {
    return this.#send('client', ACK, '')
  }
  close(): this {
    return this.#send('client', FIN | ACK, '')
      .#send('server', FIN | ACK, '')
      .#send('client', ACK, '')
  }
  reset(): this {
    return this.#send('server', RST | ACK, '')
  }
  /** The client's RST. */
  breaksOff(): this {
    return this.#send('client', RST | ACK, '')
  }
  refuses(): this {
    return this.opens().#send('server', RST | ACK, '')
  }
  /** ICMP says that the client's last packet has found no one at the port. */
  isUnreachable(): this {
    const about = this.packets.at(-1)!.ip
    const is6 = about[0]! >> 4 === 6
    const what = Buffer.concat([Buffer.from(is6 ? [1, 4] : [3, 3]), Buffer.alloc(6), about])
    const { client, server } = this.ends
    this.packets.push({ at: this.#at, ip: ip(server, client, what, is6 ? 58 : 1) })
    this.#at += MS
    return this
  }
  /** The packet `back` before the last one, once more: 0 is the last one. */
  repeats(back: number): this {
    this.packets.push({ ...this.packets.at(-1 - back)!, at: this.#at })
    this.#at += MS
    return this
  }
  waits(ms: number): this {
    this.#at += BigInt(ms) * MS
    return this
  }

  #send(from: 'client' | 'server', flags: number, text: string): this {
    const to = from === 'client' ? 'server' : 'client'
    const { client, server, clientPort, serverPort } = this.ends
    const payload = Buffer.from(text)
    const tcp = Buffer.alloc(this.hasStamps ? 32 : 20)
    tcp.writeUInt16BE(from === 'client' ? clientPort : serverPort, 0)
    tcp.writeUInt16BE(from === 'client' ? serverPort : clientPort, 2)
    tcp.writeUInt32BE(this.#seq[from], 4)
    tcp.writeUInt32BE((flags & ACK) === 0 ? 0 : this.#seq[to], 8)
    tcp[12] = (tcp.length / 4) << 4
    if (this.hasStamps) {
      Buffer.from([1, 1, 8, 10]).copy(tcp, 20)
      tcp.writeUInt32BE(Number((this.#at / MS) & 0xffff_ffffn), 24)
    }
    tcp[13] = flags
    tcp.writeUInt16BE(65_535, 14)
    this.#seq[from] = (this.#seq[from] + payload.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1)) >>> 0
    const [source, destination] = from === 'client' ? [client, server] : [server, client]
    this.packets.push({ at: this.#at, ip: ip(source, destination, Buffer.concat([tcp, payload])) })
    this.#at += MS
    return this
  }
}

function ip(source: string, destination: string, segment: Buffer, protocol = 6): Buffer {
  if (source.includes(':')) {
    const header = Buffer.alloc(40)
    header[0] = 6 << 4
    header.writeUInt16BE(segment.length, 4)
    header[6] = protocol
    header[7] = 64
    address6(source).copy(header, 8)
    address6(destination).copy(header, 24)
    return Buffer.concat([header, segment])
  }
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + segment.length, 2)
  header[8] = 64
  header[9] = protocol
  Buffer.from(source.split('.').map(Number)).copy(header, 12)
  Buffer.from(destination.split('.').map(Number)).copy(header, 16)
  return Buffer.concat([header, segment])
}

/** `a::b` */
function address6(text: string): Buffer {
  const bytes = Buffer.alloc(16)
  const [first = '', last = ''] = text.split('::')
  bytes.writeUInt16BE(parseInt(first, 16), 0)
  bytes.writeUInt16BE(parseInt(last, 16), 14)
  return bytes
}

/** Three requests: a 200 with a body in two segments, a 404, and a 503 on a connection that is then reset. */
export const threeRequests = (ends = ENDS): Packet[] =>
  [
    new Conversation(ends)
      .open()
      .asks('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
      .answers('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234')
      .answers('56789')
      .acknowledges()
      .asks('POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc')
      .answers('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
      .acknowledges()
      .waits(1500)
      .asks('GET /c HTTP/1.1\r\nHost: x\r\n\r\n')
      .answers('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
      .reset(),
  ].flatMap(({ packets }) => packets)

// ---- link layers ----

const typeOf = ({ ip: bytes }: Packet): number => (bytes[0]! >> 4 === 6 ? 0x86dd : 0x0800)
const be16 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => bytes.writeUInt16BE(value, 2 * i))
  return bytes
}
const le16 = (...values: number[]): Buffer => be16(...values).swap16()

export type Link = readonly [number: number, frame: (packet: Packet) => Buffer]
const ethernet = (packet: Packet, ...before: number[]): Buffer =>
  Buffer.concat([Buffer.alloc(12, 2), be16(...before, typeOf(packet)), packet.ip])

export const LINKS: Readonly<Record<string, Link>> = {
  Ethernet: [1, (packet) => ethernet(packet)],
  'Ethernet with padding': [1, (packet) => Buffer.concat([ethernet(packet), Buffer.alloc(6)])],
  VLAN: [1, (packet) => ethernet(packet, 0x8100, 5)],
  'two VLAN tags': [1, (packet) => ethernet(packet, 0x88a8, 7, 0x8100, 5)],
  PPPoE: [
    1,
    (packet) =>
      Buffer.concat([Buffer.alloc(12, 2), be16(0x8864, 0x1100, 1, packet.ip.length + 2, 0x21), packet.ip]),
  ],
  'PPPoE, its protocol in a byte': [
    1,
    (packet) => {
      const protocol = packet.ip[0]! >> 4 === 6 ? 0x57 : 0x21
      const header = be16(0x8864, 0x1100, 1, packet.ip.length + 1)
      return Buffer.concat([Buffer.alloc(12, 2), header, Buffer.from([protocol]), packet.ip])
    },
  ],
  MPLS: [
    1,
    (packet) => Buffer.concat([Buffer.alloc(12, 2), be16(0x8847), Buffer.from([0, 1, 1, 64]), packet.ip]),
  ],
  'MPLS, two labels': [
    1,
    (packet) =>
      Buffer.concat([Buffer.alloc(12, 2), be16(0x8847), Buffer.from([0, 1, 0, 64, 0, 2, 1, 64]), packet.ip]),
  ],
  'LLC and SNAP': [
    1,
    (packet) =>
      Buffer.concat([
        Buffer.alloc(12, 2),
        be16(packet.ip.length + 8),
        Buffer.from([0xaa, 0xaa, 3, 0, 0, 0]),
        be16(typeOf(packet)),
        packet.ip,
      ]),
  ],
  'Linux cooked': [113, (packet) => Buffer.concat([be16(0, 1, 6, 0, 0, 0, 0, typeOf(packet)), packet.ip])],
  'Linux cooked v2': [
    276,
    (packet) => Buffer.concat([be16(typeOf(packet), 0, 0, 2, 1, 0, 0, 0, 0, 0), packet.ip]),
  ],
  'Linux cooked v2, VLAN': [
    276,
    (packet) => Buffer.concat([be16(0x8100, 0, 0, 2, 1, 0, 0, 0, 0, 0), be16(7, typeOf(packet)), packet.ip]),
  ],
  'raw IP': [101, ({ ip: bytes }) => bytes],
  'raw IP of OpenBSD': [12, ({ ip: bytes }) => bytes],
  IPv4: [228, ({ ip: bytes }) => bytes],
  loopback: [0, ({ ip: bytes }) => Buffer.concat([Buffer.from([2, 0, 0, 0]), bytes])],
  'loopback of OpenBSD': [108, ({ ip: bytes }) => Buffer.concat([Buffer.from([0, 0, 0, 2]), bytes])],
  nflog: [
    239,
    ({ ip: bytes }) =>
      Buffer.concat([
        Buffer.from([2, 0, 0, 0]),
        le16(8, 1, 1, 1),
        le16(6, 2, 9, 0),
        le16(4 + bytes.length, 9),
        bytes,
      ]),
  ],
}

// ---- files ----

export interface FileForm {
  readonly isBigEndian?: boolean
  /** of a packet at most */
  readonly snapLength?: number
}

const writer =
  (isBigEndian: boolean) =>
  (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length)
    values.forEach((value, i) =>
      isBigEndian ? bytes.writeUInt32BE(value, 4 * i) : bytes.writeUInt32LE(value, 4 * i),
    )
    return bytes
  }
const writer16 = (isBigEndian: boolean) => (isBigEndian ? be16 : le16)

export function pcap(
  packets: readonly Packet[],
  [number, frameOf]: Link = LINKS.Ethernet!,
  { isBigEndian = false, snapLength = 262_144, isNs = false }: FileForm & { readonly isNs?: boolean } = {},
): Buffer {
  const [u32, u16] = [writer(isBigEndian), writer16(isBigEndian)]
  const header = Buffer.concat([
    u32(isNs ? 0xa1b23c4d : 0xa1b2c3d4),
    u16(2, 4),
    u32(0, 0, snapLength, number),
  ])
  const records = packets.map((packet) => {
    const frame = frameOf(packet)
    const kept = frame.subarray(0, snapLength)
    const fraction = Number(packet.at % 1_000_000_000n)
    const units = isNs ? fraction : Math.floor(fraction / 1000)
    return Buffer.concat([u32(Number(packet.at / 1_000_000_000n), units, kept.length, frame.length), kept])
  })
  return Buffer.concat([header, ...records])
}

export interface Interface {
  readonly link: Link
  /** the option if_tsresol; absent: µs */
  readonly resolution?: number
  /** units a second */
  readonly perSecond?: bigint
  readonly offsetSeconds?: number
}

export type BlockKind = 'enhanced' | 'simple' | 'obsolete'

/** A section of pcapng. @param of the interface of each packet, by its index */
export function pcapng(
  packets: readonly Packet[],
  interfaces: readonly Interface[] = [{ link: LINKS.Ethernet! }],
  {
    isBigEndian = false,
    of = () => 0,
    kind = 'enhanced',
  }: FileForm & { readonly of?: (index: number) => number; readonly kind?: BlockKind } = {},
): Buffer {
  const [u32, u16] = [writer(isBigEndian), writer16(isBigEndian)]
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
  const block = (type: number, ...parts: Buffer[]): Buffer => {
    const body = padded(Buffer.concat(parts))
    return Buffer.concat([u32(type, 12 + body.length), body, u32(12 + body.length)])
  }
  const option = (code: number, bytes: Buffer): Buffer =>
    Buffer.concat([u16(code, bytes.length), padded(bytes)])
  const described = interfaces.map(({ link: [number], resolution, offsetSeconds }) =>
    block(
      1,
      u16(number, 0),
      u32(0),
      ...(resolution === undefined ? [] : [option(9, Buffer.from([resolution]))]),
      ...(offsetSeconds === undefined
        ? []
        : [option(14, isBigEndian ? u32(0, offsetSeconds) : u32(offsetSeconds, 0))]),
      u32(0),
    ),
  )
  const body = packets.map((packet, index) => {
    const number = of(index)
    const { link, perSecond = 1_000_000n, offsetSeconds = 0 } = interfaces[number]!
    const frame = link[1](packet)
    const units = ((packet.at - BigInt(offsetSeconds) * 1_000_000_000n) * perSecond) / 1_000_000_000n
    const time = u32(Number(units >> 32n), Number(units & 0xffff_ffffn))
    if (kind === 'simple') return block(3, u32(frame.length), frame)
    if (kind === 'obsolete') return block(2, u16(number, 0), time, u32(frame.length, frame.length), frame)
    return block(6, u32(number), time, u32(frame.length, frame.length), frame)
  })
  const section = block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1, 0), u32(0xffff_ffff, 0xffff_ffff))
  return Buffer.concat([section, ...described, block(0x0bad, u32(1)), ...body])
}

/** A frame of zstd whose blocks are stored as they are. */
export function zstd(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 65_536) {
    const part = bytes.subarray(at, at + 65_536)
    const header = Buffer.alloc(3)
    header.writeUIntLE((part.length << 3) | (at + 65_536 >= bytes.length ? 1 : 0), 0, 3)
    blocks.push(header, part)
  }
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), size, ...blocks])
}
