/**
 * The port for scrapers. Each connection has one request of 8 kB and 10 s in all; of 64 the oldest gives way. A page is made when it is asked
 * for, and once per tick.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP, type AddressInfo, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { systemError } from '../errors.ts'
import { formatFor } from './accept.ts'
import { CONTENT_TYPES, pageBytes, type PageFormat } from './page.ts'
import type { Totals } from './totals.ts'

export interface Listen {
  readonly host: string
  /** 0: any that is free */
  readonly port: number
}

export interface MetricsServer {
  /** where the page is */
  readonly url: string
  /** what is scraped from now on; before this a scrape gets 503 */
  readonly show: (totals: Totals) => void
  readonly close: () => void
}

const MAX_CONNECTIONS = 64
/** A connection's whole life: Prometheus waits 10 s by default. */
const LIFE_MS = 10_000
/** Pages that slow readers may hold in memory; the readers of the oldest one are cut off. */
const MAX_PAGES = 4

/** @param option as the user wrote it, for messages @throws UserError (exit 4) when it cannot listen */
export async function serveMetrics({ host, port }: Listen, option: string): Promise<MetricsServer> {
  const pages = new Pages()
  const server = createServer({ maxHeaderSize: 8192 }, (request, response) =>
    answer(request, response, pages, host),
  )
  limitConnections(server)
  server.listen(port, host)
  await once(server, 'listening').catch((error: unknown) => {
    throw notListening(option, error)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${name}:${address.port}/metrics`,
    show: (totals) => (pages.totals = totals),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function notListening(option: string, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException
  const words: Readonly<Record<string, readonly [string, string]>> = {
    EADDRINUSE: ['the port is in use', 'Take another port, or end the recorder that has it.'],
    EACCES: ['this user may not listen there', 'Take a port from 1024 on.'],
    EADDRNOTAVAIL: ['the address is not of this host', "Take one that 'ip -br address' lists."],
    ENOTFOUND: ['the host has no address', 'Write an address, for example 127.0.0.1:9465.'],
  }
  const [what, remedy] = words[code] ?? [message, 'For example --metrics 127.0.0.1:9465.']
  return systemError(`--metrics "${option}": ${what}`, remedy)
}

/** Who only holds connections open keeps nobody else out. */
function limitConnections(server: Server): void {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    const end = setTimeout(() => socket.destroy(), LIFE_MS)
    socket.once('close', () => {
      clearTimeout(end)
      open.delete(socket)
    })
    if (open.size <= MAX_CONNECTIONS) return
    const [oldest] = open
    oldest!.destroy()
    open.delete(oldest!)
  })
}

function answer(request: IncomingMessage, response: ServerResponse, pages: Pages, host: string): void {
  // The next scrape opens a connection of its own: so none is idle.
  response.shouldKeepAlive = false
  const { method = '', url = '', headers } = request
  const isRead = method === 'GET' || method === 'HEAD'
  if (isForeign(headers.host, host)) refuse(response, 403, 'name this host by its address')
  else if (url.split('?', 1)[0] !== '/metrics') refuse(response, 404, 'the metrics are at /metrics')
  else if (!isRead) refuse(response.setHeader('Allow', 'GET, HEAD'), 405, 'GET reads the metrics')
  else if (pages.totals === null) refuse(response, 503, 'the programs are not attached yet')
  else {
    const format = formatFor(headers.accept)
    const page = pages.of(pages.totals, format)
    response.writeHead(200, {
      'Content-Type': CONTENT_TYPES[format],
      'Content-Length': page.length,
      Vary: 'Accept',
    })
    if (method === 'HEAD') response.end()
    else pages.send(page, response)
  }
}

function refuse(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${words}\n`)
}

/** Of a browser that a page of another site has sent here: its name leads to us, but is not ours (DNS rebinding). */
function isForeign(header: string | undefined, listensOn: string): boolean {
  if (header === undefined || !isLoopback(listensOn)) return false
  const name = header
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return isIP(name) === 0 && ![listensOn, 'localhost', hostname().toLowerCase()].includes(name)
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')

/** The newest page of each format, and those that are still being read. */
class Pages {
  totals: Totals | null = null
  readonly #newest = new Map<PageFormat, { readonly tick: number; readonly page: Buffer }>()
  readonly #readers = new Map<Buffer, Set<ServerResponse>>()

  of(totals: Totals, format: PageFormat): Buffer {
    const known = this.#newest.get(format)
    if (known?.tick === totals.tick) return known.page
    const page = pageBytes(totals, format)
    this.#newest.set(format, { tick: totals.tick, page })
    return page
  }

  send(page: Buffer, response: ServerResponse): void {
    let readers = this.#readers.get(page)
    if (readers === undefined) this.#readers.set(page, (readers = new Set()))
    readers.add(response)
    response.once('close', () => {
      readers.delete(response)
      if (readers.size === 0) this.#readers.delete(page)
    })
    response.end(page)
    if (this.#readers.size > MAX_PAGES) this.#cutOldest()
  }

  #cutOldest(): void {
    const [oldest] = this.#readers
    this.#readers.delete(oldest![0])
    for (const response of oldest![1]) response.socket?.destroy()
  }
}
