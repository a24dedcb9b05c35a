/** contrib/clickhouse as its user has it: the loader, and the queries with their ranges filled in. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const KIT = join(import.meta.dirname, '../../contrib/clickhouse')

export interface Loaded {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export async function load(...args: readonly string[]): Promise<Loaded> {
  const child = startLoad(...args)
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    new Promise<number>((done) => child.once('close', (status) => done(status ?? -1))),
  ])
  return { code, stdout, stderr }
}

/** In a process group of its own, so that it can be killed with its children. */
export const startLoad = (...args: readonly string[]): ChildProcess =>
  spawn(join(KIT, 'load'), args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })

export type SqlRow = Readonly<Record<string, unknown>>

export async function ask(url: string, sql: string): Promise<SqlRow[]> {
  const answer = await execute(url, `${sql} FORMAT JSONEachRow`)
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SqlRow)
}

/** @throws with what the server says */
export async function execute(url: string, sql: string): Promise<string> {
  const settings = 'output_format_json_quote_64bit_integers=0&wait_end_of_query=1&insert_distributed_sync=1'
  // A connection of its own: a server may close one that waits, just when the next query is sent.
  const asked = request(`${url}/?${settings}`, { method: 'POST', agent: false })
  asked.end(sql)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if (response.statusCode !== 200) throw new Error(answer)
  return answer
}

/** A query of the kit. @param values of its placeholders */
export function kitQuery(name: string, values: Readonly<Record<string, string>>): string {
  const sql = readFileSync(join(KIT, 'queries', `${name}.sql`), 'utf8')
  return sql.replace(/\{(\w+)\}/g, (_, word: string) => {
    const value = values[word]
    if (value === undefined) throw new Error(`${name}.sql has {${word}}, of which the test knows nothing`)
    return value
  })
}
