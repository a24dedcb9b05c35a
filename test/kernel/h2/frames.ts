/** Frames of HTTP/2 (RFC 9113, section 4), as they lie in a direction's bytes. */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const PRIORITY = 32

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const HEADER = 9

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
  /** offset of its first byte */
  readonly at: number
  /** offset behind its last byte */
  readonly end: number
}

/** The whole frames from an offset on; what is left is a part of one. */
export function framesOf(bytes: Buffer, from: number): readonly Frame[] {
  const frames: Frame[] = []
  for (let at = from; at + HEADER <= bytes.length;) {
    const end = at + HEADER + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const payload = bytes.subarray(at + HEADER, end)
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream, payload, at, end })
    at = end
  }
  return frames
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUIntBE(payload.length, 0, 3)
  header.writeUInt8(type, 3)
  header.writeUInt8(flags, 4)
  header.writeUInt32BE(stream, 5)
  return Buffer.concat([header, payload])
}
