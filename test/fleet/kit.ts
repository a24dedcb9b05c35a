/** contrib/clickhouse as its user has it: the loader, and the queries with their ranges filled in. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

/** @throws with what the server says */
export async function ask(url: string, sql: string): Promise<SqlRow[]> {
  const settings = 'output_format_json_quote_64bit_integers=0&wait_end_of_query=1'
  const response = await fetch(`${url}/?${settings}`, { method: 'POST', body: `${sql} FORMAT JSONEachRow` })
  const answer = await response.text()
  if (!response.ok) throw new Error(answer)
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SqlRow)
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
