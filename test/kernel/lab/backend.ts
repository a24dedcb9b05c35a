/** Raw TCP backends. Each keeps a ledger of requests and answers, for cases that nginx's log does not cover. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { codesIn, isFinal, readHead, type Message } from './messages.ts'
import type { ListenOptions, Rule, Step, Truth } from './protocol.ts'
import { sh } from './system.ts'
import { Connections, nodeOptions } from './tls.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'
const DEFAULT_RULE: Rule = { steps: [{ send: OK }] }

interface Row {
  requests: number
  codes: Record<string, number>
}

class Ledger {
  readonly #rows: Record<string, Row> = {}
  readonly #name: string
  constructor(address: string, port: number) {
    this.#name = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  }

  request(requestLine: string): (codes: readonly number[]) => void {
    const [method = '', target = ''] = requestLine.split(' ')
    const row = (this.#rows[`${this.#name} ${method} ${target.split('?', 1)[0]!}`] ??= {
      requests: 0,
      codes: {},
    })
    row.requests++
    return (codes) => {
      for (const code of codes.filter(isFinal)) row.codes[code] = (row.codes[code] ?? 0) + 1
    }
  }

  truth(): Truth {
    return this.#rows
  }
}

/** Reads requests one by one and answers each by its rule. */
export class Backend {
  readonly #ledger: Ledger
  readonly #server: Server
  readonly #connections: Connections
  readonly port: number

  constructor(private readonly options: ListenOptions) {
    this.port = options.port
    this.#ledger = new Ledger(options.address, options.port)
    const how = { noDelay: options.nagle !== true, allowHalfOpen: true }
    const serve = (socket: Socket): void => {
      socket.on('error', () => undefined)
      void this.#serve(socket)
    }
    this.#server =
      options.tls === undefined
        ? createServer(how, serve)
        : createTlsServer({ ...how, ...nodeOptions(options.tls) }, serve)
    this.#connections = new Connections(this.#server)
  }

  async listen(): Promise<number> {
    this.#server.listen(this.options.port, this.options.address, 4096)
    await once(this.#server, 'listening')
    return this.options.port
  }

  close(): void {
    this.#server.close()
    this.#connections.destroy()
  }

  truth(): Truth {
    return this.#ledger.truth()
  }

  async #serve(socket: Socket): Promise<void> {
    if (this.options.deaf !== undefined) await sleep(this.options.deaf)
    const below = this.#connections.of(socket.remotePort) ?? socket
    const input = new Input(socket)
    if (this.options.proxied === true && !(await input.proxyHeader())) return void socket.end()
    for (;;) {
      const message = await input.head()
      if (message === null) return void socket.end()
      const [, target = ''] = message.first.split(' ')
      const rule = this.options.rules?.[target.split('?', 1)[0]!] ?? this.options.rules?.['*'] ?? DEFAULT_RULE
      const answered = this.#ledger.request(message.first)
      if (rule.early !== true && !(await input.body(message))) return void socket.end()
      const sent = await perform(socket, below, rule.steps)
      answered(codesIn(sent.text))
      if (sent.ended) return
      if (rule.echo === true) {
        input.echo(socket)
        return
      }
      if (rule.early === true && !(await input.skip(message.contentLength))) return void socket.end()
      // with a length it is an answer like others: nginx keeps the connection
      if (codesIn(sent.text).includes(101) && !sent.text.includes('Content-Length'))
        return void socket.resume()
    }
  }
}

/** @param below the TCP connection, where the socket is TLS's */
async function perform(
  socket: Socket,
  below: Socket,
  steps: readonly Step[],
): Promise<{ text: string; ended: boolean }> {
  let text = ''
  for (const step of steps) {
    if ('send' in step) {
      socket.write(step.send, 'latin1')
      text += step.send
    } else if ('pause' in step) {
      await sleep(step.pause)
    } else if ('run' in step) {
      await sh(...step.run)
    } else if ('end' in step) {
      if (step.end === 'rst') below.resetAndDestroy()
      if (step.end === 'torn') below.end()
      if (step.end === 'fin' || step.end === 'half') socket.end()
      if (step.end === 'hang') await once(socket, 'close').catch(() => undefined)
      return { text, ended: step.end !== 'half' }
    }
  }
  return { text, ended: false }
}

/** Received bytes of a connection, read on demand. */
class Input {
  #text = ''
  #ended = false
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
  }

  async head(): Promise<ReturnType<typeof readHead>> {
    for (;;) {
      const message = readHead(this.#text)
      if (message !== null) {
        this.#text = this.#text.slice(message.headBytes)
        return message
      }
      if (!(await this.#more())) return null
    }
  }

  async body({ contentLength, chunked }: Message): Promise<boolean> {
    if (!chunked) return this.skip(contentLength)
    for (let size = -1; size !== 0;) {
      const line = await this.#line()
      if (line === null) return false
      size = parseInt(line, 16)
      if (size > 0 && !(await this.skip(size + 2))) return false
    }
    for (;;) {
      const trailer = await this.#line()
      if (trailer === null) return false
      if (trailer === '') return true
    }
  }

  async proxyHeader(): Promise<boolean> {
    while (this.#text.length < 8) if (!(await this.#more())) return false
    if (this.#text.startsWith('PROXY ')) return (await this.#line()) !== null
    while (this.#text.length < 16) if (!(await this.#more())) return false
    return this.skip(16 + this.#text.charCodeAt(14) * 256 + this.#text.charCodeAt(15))
  }

  echo(socket: Socket): void {
    socket.on('data', (text: string) => socket.write(text, 'latin1'))
  }

  async #line(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end !== -1) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (!(await this.#more())) return null
    }
  }

  async skip(bytes: number): Promise<boolean> {
    while (this.#text.length < bytes) if (!(await this.#more())) return false
    this.#text = this.#text.slice(bytes)
    return true
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false
    await new Promise<void>((resolve) => (this.#wake = resolve))
    return true
  }
}

/** Answers every request with 200, one per blank line: for tests with 100,000 requests. Requests must have no body. */
export class FastBackend {
  readonly #ledger: Ledger
  readonly #server: Server
  readonly port: number

  constructor(private readonly options: ListenOptions) {
    this.port = options.port
    this.#ledger = new Ledger(options.address, options.port)
    this.#server = createServer({ noDelay: true }, (socket) => {
      let text = ''
      socket.setEncoding('latin1')
      socket.on('error', () => undefined)
      socket.on('data', (chunk: string) => {
        text += chunk
        const requests = text.split('\r\n\r\n')
        text = requests.pop()!
        if (requests.length === 0) return
        for (const request of requests) this.#ledger.request(request.slice(0, request.indexOf('\r')))([200])
        socket.write(OK.repeat(requests.length))
      })
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(this.options.port, this.options.address, 4096)
    await once(this.#server, 'listening')
    return this.options.port
  }

  close(): void {
    this.#server.close()
  }

  truth(): Truth {
    return this.#ledger.truth()
  }
}
