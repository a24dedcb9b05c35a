/**
 * The server of `view`: whoever holds connections keeps nobody else out: of 64 the oldest gives way, and one that is
 * silent for half a minute is closed.
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
): Promise<ViewServer> {
  const token = newToken()
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: SILENT_MS,
    },
    (request, response) => void handle(request, response),
  )
  server.setTimeout(SILENT_MS)
  limitConnections(server)

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const stop = new AbortController()
    response.once('close', () => stop.abort())
    // No body is read.
    request.resume()
    const granted = guard({ method, url, headers }, token)
    const reply = isRefusal(granted)
      ? refusal(granted)
      : await answer(granted, stop.signal).catch((error: unknown) => failure(error, stop.signal, onBug))
    if (reply !== null) send(response, reply, method === 'HEAD')
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

function limitConnections(server: Server): void {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (open.size <= MAX_CONNECTIONS) return
    const [oldest] = open
    oldest!.destroy()
    open.delete(oldest!)
  })
}
