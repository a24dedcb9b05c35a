/** The server of `view`: its answers as the page's own values. Texts in them are made visible before they are shown. */
import type { PageFinding } from '../../picture/facts.ts'
import { unpackPicture, type PackedPicture } from '../../picture/packed-picture.ts'
import type { DifferenceAnswer } from './difference.ts'
import { changesOf } from './difference.ts'
import { rowsOfLines, type LinesAnswer } from './lines.ts'
import { SourceError, type RequestList, type SideFacts, type Source, type Wanted } from './source.ts'

/** What the server says to each endpoint. */
interface Answers {
  readonly facts: SideFacts
  readonly findings: readonly PageFinding[]
  readonly picture: { readonly picture: PackedPicture; readonly refining: boolean }
  readonly lines: LinesAnswer
  readonly requests: RequestList
  readonly difference: DifferenceAnswer
}

/** Gets what lies at a relative address: whether it went well, and the body as JSON. */
export type Get = (address: string) => Promise<{ readonly isOk: boolean; readonly body: unknown }>

const MAX_REQUESTS = 200

export function servedSource(get: Get): Source {
  const ask = async <K extends keyof Answers>(endpoint: K, words: Words): Promise<Answers[K]> => {
    const { isOk, body } = await get(`${endpoint}?${queryOf(words)}`)
    if (!isOk) throw errorOf(body)
    return body as Answers[K]
  }
  return {
    kind: 'view',
    facts: (side) => ask('facts', { side }),
    findings: (side) => ask('findings', { side }),
    async picture(wanted) {
      const { picture, refining } = await ask('picture', { ...wordsOf(wanted), steps: wanted.steps })
      return { picture: unpackPicture(picture), refining }
    },
    async rows(wanted, picture) {
      const words = { ...wordsOf(wanted), backend: undefined, route: undefined }
      const { backend } = wanted.subject ?? {}
      const answers = await Promise.all([
        ask('lines', { ...words, by: 'backend' }),
        ...(backend === undefined ? [] : [ask('lines', { ...words, by: 'route', backend })]),
      ])
      return answers.flatMap((answer) => rowsOfLines(answer, picture))
    },
    requests: (wanted) =>
      ask('requests', {
        ...wordsOf(wanted),
        low: wanted.times?.[0],
        high: wanted.times?.[1],
        limit: MAX_REQUESTS,
      }),
    async difference(base, target) {
      const answer = await ask('difference', {
        base: spanOf(base),
        base_side: base.side,
        target: spanOf(target),
        target_side: target.side,
        where: base.where === '' ? undefined : base.where,
      })
      return changesOf(answer)
    },
  }
}

type Words = Readonly<Record<string, string | number | null | undefined>>

const wordsOf = ({ side, range, subject, where }: Wanted): Words => ({
  side,
  from: range.from,
  to: range.to,
  backend: subject?.backend,
  route: subject?.route,
  where: where === '' ? undefined : where,
})

function queryOf(words: Words): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(words)) if (value != null) query.set(name, String(value))
  return query.toString()
}

const spanOf = ({ range }: Wanted): string => `${range.from}..${range.to}`

function errorOf(body: unknown): SourceError {
  const { error, remedy, details } = { ...(typeof body === 'object' ? body : {}) } as Readonly<
    Record<string, unknown>
  >
  const text = (value: unknown, other: string): string => (typeof value === 'string' ? value : other)
  const lines = Array.isArray(details) ? details.filter((line) => typeof line === 'string') : []
  return new SourceError(
    [text(error, 'The server does not answer.'), ...lines].join('\n'),
    text(remedy, 'Is upstreamtop view still running?'),
  )
}
