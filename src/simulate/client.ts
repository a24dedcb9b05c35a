/** One keepalive connection with one request at a time. node:http's client needs five times the CPU time for the same load. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

interface Waiting {
  readonly resolve: (status: number) => void
  readonly reject: (error: Error) => void
}

export class Client {
  #socket: Socket | null = null
  #received = ''
  #waiting: Waiting | null = null

  constructor(private readonly port: number) {}

  /** Sends a request and gives the answer's status code. The answer must have a Content-Length. */
  async ask(request: string): Promise<number> {
    const socket = this.#socket ?? (await this.#connect())
    return new Promise<number>((resolve, reject) => {
      this.#waiting = { resolve, reject }
      socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  async #connect(): Promise<Socket> {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    this.#socket = socket
    this.#received = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#receive(text))
    socket.on('error', (error) => this.#lost(error))
    socket.on('close', () => this.#lost(new Error('nginx closed the connection')))
    return socket
  }

  #receive(text: string): void {
    this.#received += text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#received.slice(0, end + 2))
    if (this.#received.length < end + 4 + Number(length?.[1] ?? 0)) return
    const status = Number(this.#received.slice(9, 12))
    this.#received = ''
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.resolve(status)
  }

  #lost(error: Error): void {
    this.#socket = null
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.reject(error)
  }
}
