/** Who may ask: whoever has the token, from a page of our own or from the address bar. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** 192 random bits, as part of a path. */
export const newToken = (): string => randomBytes(24).toString('base64url')

export interface Asked {
  readonly method: string
  /** as it came: path and query */
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Refusal {
  readonly status: 400 | 403 | 405
  readonly error: string
  readonly remedy: string
}

/** What was asked for. */
export interface Granted {
  /** behind the token's slash; null: there is no slash */
  readonly name: string | null
  readonly query: string
}

export const isRefusal = (answer: Refusal | Granted): answer is Refusal => 'status' in answer

const MAX_URL = 4096

export function guard({ method, url, headers }: Asked, token: string): Refusal | Granted {
  const [path, query] = splitOnce(url, '?')
  const [given, name] = splitOnce(path.slice(1), '/')
  // A page of a site elsewhere whose name leads here (DNS rebinding) names that site.
  if (!isLoopbackName(headers.host))
    return refused(403, 'this is not the host that is served', 'Open it as http://127.0.0.1:….')
  if (!path.startsWith('/') || !isSame(given, token))
    return refused(
      403,
      'the token is missing or wrong',
      'Open the address that upstreamtop view has printed.',
    )
  if (method !== 'GET' && method !== 'HEAD')
    return refused(405, `${method} is not answered`, 'Only GET and HEAD are.')
  if (isOfElsewhere(headers, name))
    return refused(403, 'a page of another site asked for this', 'Open the address in a tab of its own.')
  if (url.length > MAX_URL) return refused(400, 'the address is too long', 'Ask for less at once.')
  return { name, query: query ?? '' }
}

/** With any port: through a tunnel (ssh -L) it is another one. */
const isLoopbackName = (host = ''): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host)

const refused = (status: Refusal['status'], error: string, remedy: string): Refusal => ({
  status,
  error,
  remedy,
})

/** In a time that does not tell where they differ. */
const isSame = (given: string, token: string): boolean => timingSafeEqual(digest(given), digest(token))
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** A link from elsewhere may open the page itself: its site learns nothing of it. */
function isOfElsewhere({ host, origin, ...headers }: IncomingHttpHeaders, name: string | null): boolean {
  if (origin !== undefined && origin !== `http://${host}`) return true
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return !(headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document' && !name)
}

function splitOnce(text: string, at: string): readonly [string, string | null] {
  const index = text.indexOf(at)
  return index < 0 ? [text, null] : [text.slice(0, index), text.slice(index + 1)]
}
