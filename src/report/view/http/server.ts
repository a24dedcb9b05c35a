/**
 * The server of `view`: whoever holds connections keeps nobody else out: of 64 the oldest without the token gives way,
 * and one that is silent for half a minute is closed, unless the silence is ours.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ExitCode, UserError } from '../../../errors.ts'
import { guard, isRefusal, newToken, type Granted, type Refusal } from './guard.ts'
import { listenOn, type Address } from './listen.ts'
import { jsonReply, send, type Reply } from './reply.ts'

export interface ViewServer {
  /** with the token */
  readonly url: string
  readonly close: () => void
}

/** @param stop aborted when nobody waits for the answer any more */
export type Answer = (granted: Granted, stop: AbortSignal) => Promise<Reply>

const MAX_CONNECTIONS = 64
/** For the head of a request; then for the whole of it. */
const REQUEST_MS = 10_000
/** A browser keeps its connections for the next picture. */
const SILENT_MS = 30_000

/** @param onBug what is no fault of whoever asked @throws UserError (exit 4) when it cannot listen */
export async function serve(
  address: Address,
  answer: Answer,
  onBug: (error: unknown) => void,
  silentMs = SILENT_MS,
): Promise<ViewServer> {
  const token = newToken()
  const requestMs = Math.min(REQUEST_MS, silentMs)
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      // Node looks at both only every half minute.
      connectionsCheckingInterval: requestMs / 2,
      keepAliveTimeout: silentMs,
    },
    (request, response) => void handle(request, response),
  )
  server.setTimeout(silentMs)
  const trust = limitConnections(server)

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const stop = new AbortController()
    response.once('close', () => stop.abort())
    // No body is read.
    request.resume()
    const granted = guard({ method, url, headers }, token)
    const reply = isRefusal(granted) ? refusal(granted) : await answered(request.socket, granted, stop.signal)
    if (reply !== null) send(response, reply, method === 'HEAD')
  }

  /** What takes long to read is waited for: only then is the other end silent again. */
  async function answered(socket: Socket, granted: Granted, stop: AbortSignal): Promise<Reply | null> {
    trust(socket)
    socket.setTimeout(0)
    try {
      return await answer(granted, stop)
    } catch (error) {
      return failure(error, stop, onBug)
    } finally {
      socket.setTimeout(silentMs)
    }
  }

  const name = await listenOn(server, address)
  return {
    url: `http://${name}/${token}/`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const refusal = ({ status, error, remedy }: Refusal): Reply => ({
  ...jsonReply({ error, remedy }, status),
  headers: status === 405 ? { Allow: 'GET, HEAD' } : { Connection: 'close' },
})

/** null: nobody waits for it */
function failure(error: unknown, stop: AbortSignal, onBug: (error: unknown) => void): Reply | null {
  if (stop.aborted) return null
  if (error instanceof UserError) {
    const { message, remedy = '', details, exitCode } = error
    return jsonReply({ error: message, remedy, details }, exitCode === ExitCode.usage ? 400 : 422)
  }
  onBug(error)
  return jsonReply(
    { error: 'this is a bug', remedy: 'What happened is on the terminal of upstreamtop view.' },
    500,
  )
}

/** @returns to be told of connections that have shown the token: they give way last */
function limitConnections(server: Server): (trusted: Socket) => void {
  const [open, trusted] = [new Set<Socket>(), new Set<Socket>()]
  const forget = (socket: Socket): void => {
    open.delete(socket)
    trusted.delete(socket)
  }
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => forget(socket))
    if (open.size + trusted.size <= MAX_CONNECTIONS) return
    const [oldest] = [...open, ...trusted]
    oldest!.destroy()
    forget(oldest!)
  })
  return (socket) => {
    if (open.delete(socket)) trusted.add(socket)
  }
}
