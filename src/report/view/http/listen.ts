/** Where the page is served: only on loopback, because whoever reaches it and has the token reads the recordings. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemError, usageError } from '../../../errors.ts'

export interface Address {
  readonly host: '127.0.0.1' | '::1'
  /** 0: any that is free */
  readonly port: number
}

/** `127.0.0.1:0`, `[::1]:8080`, `:8080`, `8080` @throws UserError (exit 2) */
export function listenOption(text: string): Address {
  const [, name, port = ''] = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d{1,5})$/.exec(text) ?? []
  const host = LOOPBACK.get(name ?? '')
  if (port !== '' && Number(port) <= 65_535 && host !== undefined) return { host, port: Number(port) }
  throw usageError(
    port === '' || Number(port) > 65_535
      ? `--listen "${text}" is no HOST:PORT`
      : `--listen "${text}": only this host itself may look at recordings in a browser`,
    'Write --listen 127.0.0.1:0 or [::1]:0. From elsewhere: ssh -L 8080:127.0.0.1:PORT this-host.',
  )
}

const LOOPBACK: ReadonlyMap<string, Address['host']> = new Map([
  ['', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
])

/** @returns what a browser calls it, `127.0.0.1:41234` @throws UserError (exit 4) */
export async function listenOn(server: Server, { host, port }: Address): Promise<string> {
  const name = host === '::1' ? '[::1]' : host
  server.listen(port, host)
  await once(server, 'listening').catch((error: unknown) => {
    throw notListening(`${name}:${port}`, error)
  })
  return `${name}:${(server.address() as AddressInfo).port}`
}

function notListening(address: string, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException
  const words: Readonly<Record<string, readonly [string, string]>> = {
    EADDRINUSE: ['the port is in use', 'Take another one, or 0 for any that is free.'],
    EACCES: ['this user may not listen there', 'Take a port from 1024 on, or 0 for any that is free.'],
    EADDRNOTAVAIL: ['this host has no such address', 'Take --listen 127.0.0.1:0.'],
  }
  const [what, remedy] = words[code] ?? [message, 'For example --listen 127.0.0.1:0.']
  return systemError(`--listen "${address}": ${what}`, remedy)
}
