/**
 * A current ClickHouse behind HTTP, as far as the loader needs it: chdb in a process of its own. It has no network, so there is no cluster:
 * `load --create --single` makes the tables. Prints its port when it listens.
 * node --import tsx test/fleet/chdb-server.ts CHDB FOLDER
 */
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

interface Session {
  query(sql: string, format: string): string
}

const [chdb, folder] = process.argv.slice(2) as [string, string]
const module = (await import(chdb)) as { readonly Session: new (path: string) => Session }
const session = new module.Session(join(folder, 'data'))
/** In addresses, but nothing that a query in this process knows. */
const OF_HTTP = new Set(['query', 'wait_end_of_query', 'database'])

const server = createServer((request, response) => {
  void answer(request)
    .then((text) => response.end(text))
    .catch((error: unknown) => {
      response.statusCode = 500
      response.end(String(error))
    })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

async function answer(request: IncomingMessage): Promise<string> {
  const parameters = new URL(request.url ?? '/', 'http://localhost').searchParams
  const body = await buffer(request)
  for (const [name, value] of parameters)
    if (!OF_HTTP.has(name)) session.query(`SET ${name} = '${value}'`, 'TSV')
  const query = parameters.get('query')
  return session.query(query === null ? body.toString() : withFile(query, body), 'TSV')
}

/** What a client sends behind a query is a file here. */
function withFile(query: string, body: Buffer): string {
  if (body.length === 0) return query
  const file = join(folder, 'body')
  writeFileSync(file, body)
  return query.replace(/FROM input\(('(?:[^'\\]|\\.)*')\) FORMAT (\w+)$/, `FROM file('${file}', '$2', $1)`)
}
