/** A small HTTP/1 reader of our own, written apart from the one under test: finds message ends in a stream of bytes. */
export interface Message {
  readonly first: string
  readonly head: string
  /** bytes of the head with its blank line */
  readonly headBytes: number
  readonly contentLength: number
  readonly chunked: boolean
}

/** The next complete head in latin1 text, or null while it is not complete. */
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

/** Status codes of all complete heads when bodies are delimited by Content-Length. */
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
/** Interim answers complete nothing; 101 does. */
export const isFinal = (code: number): boolean => code >= 200 || code === 101
