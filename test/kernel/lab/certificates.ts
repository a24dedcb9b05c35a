/** Certificates of the lab: an authority, a server's and a client's. Made once per process by openssl, and removed at its end. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files in PEM. */
export interface Certificates {
  readonly authority: string
  readonly server: Pair
  readonly client: Pair
}

interface Pair {
  readonly certificate: string
  readonly key: string
}

/** The name in the server's certificate: what `proxy_ssl_name` says where it is verified. */
export const SERVER_NAME = 'backend.lab'

let made: Certificates | undefined

export const certificates = (): Certificates => (made ??= make())

function make(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'lab-certificates-'))
  chmodSync(folder, 0o755)
  process.on('exit', () => rmSync(folder, { recursive: true }))
  const authority = join(folder, 'authority.pem')
  const authorityKey = join(folder, 'authority.key')
  openssl('req', '-x509', ...newKey(authorityKey), '-out', authority, '-days', '2', '-subj', '/CN=lab')
  const issued = (name: string, subject: string): Pair => {
    const pair = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
    const [request, extension] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
    writeFileSync(extension, `subjectAltName=DNS:${subject}\n`)
    openssl('req', ...newKey(pair.key), '-out', request, '-subj', `/CN=${subject}`)
    openssl(
      ...['x509', '-req', '-in', request, '-CA', authority, '-CAkey', authorityKey, '-CAcreateserial'],
      ...['-days', '2', '-extfile', extension, '-out', pair.certificate],
    )
    return pair
  }
  return { authority, server: issued('server', SERVER_NAME), client: issued('client', 'proxy.lab') }
}

const newKey = (file: string): readonly string[] => [
  ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file],
]

function openssl(...words: readonly string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
