/** A served recording, and questions to it as a browser, or somebody else, asks them. */
import { once } from 'node:events'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { selectionOption } from '../../../src/cli/values/expression.ts'
import { sortOption } from '../../../src/cli/values/sort.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { serveView } from '../../../src/report/view/view.ts'
import { openRecording } from '../../../src/store/read/reader.ts'

export const fixture = (name: string): string =>
  join(import.meta.dirname, `../../../fixtures/recordings/${name}.db`)

export interface ServedView {
  readonly url: URL
  readonly recordings: readonly Recording[]
  /** bugs that were said */
  readonly bugs: readonly unknown[]
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>
  readonly json: <T>(path: string) => Promise<T>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export const view = (t: TestContext, files: readonly string[], isGrowing = false): Promise<ServedView> =>
  viewOf(
    t,
    files.map((file) => openRecording(file)),
    isGrowing,
  )

export async function viewOf(
  t: TestContext,
  recordings: readonly Recording[],
  isGrowing = false,
): Promise<ServedView> {
  const bugs: unknown[] = []
  const server = await serveView(
    recordings.map((recording) => ({
      recording,
      from: null,
      to: null,
      isGrowing: () => isGrowing,
      timeZone: 'UTC',
    })),
    { host: '127.0.0.1', port: 0 },
    {
      selection: EVERYTHING,
      parseWhere: (where) => selectionOption('where', [where]),
      parseSort: sortOption,
      onBug: (error) => bugs.push(error),
    },
  )
  t.after(() => {
    server.close()
    for (const recording of recordings) recording.close()
  })
  const url = new URL(server.url)
  const ask = (path: string, options: RequestOptions = {}): Promise<Answer> =>
    asked(url, path.startsWith('/') ? path : url.pathname + path, options)
  const json = async <T>(path: string): Promise<T> => {
    const { status, body } = await ask(path)
    if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
    return JSON.parse(body) as T
  }
  return { url, recordings, bugs, ask, json }
}

async function asked({ hostname, port }: URL, path: string, options: RequestOptions): Promise<Answer> {
  const sent = request({ host: hostname, port, path, agent: false, ...options }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) }
}
