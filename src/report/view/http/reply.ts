/** Answers, with the headers that every one of them has. */
import type { ServerResponse } from 'node:http'
import { jsonText } from '../../../render/text.ts'

export interface Reply {
  readonly status: number
  readonly type: keyof typeof TYPES
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const TYPES = {
  html: 'text/html; charset=utf-8',
  script: 'text/javascript; charset=utf-8',
  style: 'text/css; charset=utf-8',
  json: 'application/json; charset=utf-8',
} as const

/** The page loads its own script and style, and asks its own server: nothing else, and nobody may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

export const jsonReply = (value: unknown, status = 200): Reply => ({
  status,
  type: 'json',
  body: inert(jsonText(value, 0)),
})

/** The same JSON, in which nothing looks like HTML. */
export const inert = (json: string): string => json.replace(/</g, '\\u003c')

export function send(
  response: ServerResponse,
  { status, type, body, headers = {} }: Reply,
  isHead: boolean,
): void {
  if (response.destroyed) return
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    ...HEADERS,
    'Content-Type': TYPES[type],
    'Content-Length': bytes.length,
    ...headers,
  })
  response.end(isHead ? undefined : bytes)
}
