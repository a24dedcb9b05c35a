/** What can be asked, by its name behind the token. */
import type { View } from '../asking.ts'
import type { Granted } from '../http/guard.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import { Query } from '../query.ts'
import { difference } from './difference.ts'
import { facts, findings } from './facts.ts'
import { lines } from './lines.ts'
import { picture } from './picture.ts'
import { requests } from './requests.ts'

interface Endpoint {
  /** what its query may have */
  readonly names: readonly string[]
  readonly answer: (view: View, query: Query, stop: AbortSignal) => Promise<Reply>
}

const PART = ['side', 'from', 'to', 'backend', 'where'] as const

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  facts: { names: ['side'], answer: facts },
  findings: { names: ['side'], answer: findings },
  picture: { names: [...PART, 'steps', 'route', 'sort'], answer: picture },
  lines: { names: [...PART, 'by', 'sort'], answer: lines },
  requests: { names: [...PART, 'route', 'low', 'high', 'limit'], answer: requests },
  difference: { names: ['base', 'base_side', 'target', 'target_side', 'where'], answer: difference },
}

/** @param files the page, its script and its style, by name */
export async function answerOf(
  view: View,
  files: ReadonlyMap<string, Reply>,
  { name, query }: Granted,
  stop: AbortSignal,
): Promise<Reply> {
  // Without the slash the page would ask for its script elsewhere. It is the token that is missing in the address here.
  if (name === null) return jsonReply({ error: 'the address ends with a slash', remedy: 'Write it so.' }, 404)
  const file = files.get(name)
  if (file !== undefined) return file
  if (!Object.hasOwn(ENDPOINTS, name))
    return jsonReply(
      {
        error: 'nothing has this name',
        remedy: `There are: ${[...files.keys(), ...Object.keys(ENDPOINTS)].filter(Boolean).join(', ')}.`,
      },
      404,
    )
  const { names, answer } = ENDPOINTS[name]!
  return answer(view, new Query(query, names), stop)
}
