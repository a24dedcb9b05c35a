/** One HTTP/2 connection to nginx with one gRPC call at a time. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { grpcMessage } from './cart.ts'

export class CartClient {
  #session: ClientHttp2Session | null = null

  /** @param socket the path of nginx's socket for HTTP/2 */
  constructor(private readonly socket: string) {}

  /** Resolves when the call has ended with a grpc-status, whatever it is. */
  async call(path: string): Promise<void> {
    const session = (this.#session ??= this.#connect())
    const stream = session.request({ ...HEAD, ':path': path })
    stream.end(grpcMessage(Buffer.alloc(0)))
    await ended(stream)
  }

  close(): void {
    this.#session?.destroy()
  }

  #connect(): ClientHttp2Session {
    const session = connect('http://localhost', { createConnection: () => connectSocket(this.socket) })
    // The stream that is open has the error, too.
    session.on('error', () => undefined)
    session.once('close', () => (this.#session = null))
    return session
  }
}

const HEAD = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

function ended(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    let status: unknown
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      status ??= headers['grpc-status']
    }
    stream.on('response', note)
    stream.on('trailers', note)
    stream.on('error', reject)
    stream.on('close', () => {
      if (status === undefined) reject(new Error('the call ended without a grpc-status'))
      else resolve()
    })
    stream.resume()
  })
}
