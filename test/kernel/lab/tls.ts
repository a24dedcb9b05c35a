/** TLS of the lab's backends: the server's options in node's words, and the sockets below, which a test ends by force. */
import { readFileSync } from 'node:fs'
import type { Server, Socket } from 'node:net'
import type { TlsOptions as NodeOptions } from 'node:tls'
import type { TlsOptions } from './protocol.ts'

export const nodeOptions = ({ certificates, version, clients = 'any' }: TlsOptions): NodeOptions => ({
  cert: readFileSync(certificates.server.certificate),
  key: readFileSync(certificates.server.key),
  ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
  ...(clients === 'known'
    ? { ca: readFileSync(certificates.authority), requestCert: true, rejectUnauthorized: true }
    : {}),
})

/** TCP connections of a server by the peer's port: TLS and HTTP/2 give out another socket, which cannot send a RST. */
export class Connections {
  readonly #sockets = new Map<number, Socket>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0
      this.#sockets.set(port, socket)
      socket.on('close', () => this.#sockets.delete(port))
      socket.on('error', () => undefined)
    })
  }

  of(port: number | undefined): Socket | undefined {
    return this.#sockets.get(port ?? 0)
  }

  destroy(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
  }
}
