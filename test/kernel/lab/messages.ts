/** A small HTTP/1 reader, written independently of the parser under test. It finds the end of each message in a byte stream. */
export interface Message {
  readonly first: string
  readonly head: string
  /** bytes of the head, with the blank line */
  readonly headBytes: number
  readonly contentLength: number
  readonly chunked: boolean
}

/** The next complete head in latin1 text; null if it is incomplete. */
export function readHead(text: string): Message | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = text.slice(0, end + 2)
  const length = /\r\ncontent-length:[ \t]*(\d+)/i.exec(head)
  return {
    first: head.slice(0, head.indexOf('\r\n')),
    head,
    headBytes: end + 4,
    contentLength: Number(length?.[1] ?? 0),
    chunked: /\r\ntransfer-encoding:[ \t]*chunked/i.test(head),
  }
}

/** Status codes of all complete heads. Bodies must be delimited by Content-Length. */
export function codesIn(text: string): number[] {
  const codes: number[] = []
  let rest = text
  for (let message = readHead(rest); message !== null; message = readHead(rest)) {
    const code = Number(/^HTTP\/1\.[01] (\d{3})/.exec(message.first)?.[1] ?? NaN)
    if (Number.isNaN(code)) break
    codes.push(code)
    const body = hasNoBody(code) ? 0 : message.contentLength
    if (rest.length < message.headBytes + body) break
    rest = rest.slice(message.headBytes + body)
    if (code === 101) break
  }
  return codes
}

export const hasNoBody = (code: number): boolean => code < 200 || code === 204 || code === 304
/** An interim answer (1xx) completes no request; 101 does. */
export const isFinal = (code: number): boolean => code >= 200 || code === 101
