/** `picture`: a range in steps. */
import { packPicture } from '../../picture/packed-picture.ts'
import { orderOf, selectionOf, sideOf, withoutStatus, type View } from '../asking.ts'
import { Slices } from '../cells/slices.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import type { Query } from '../query.ts'

/** Pixels of the widest screens. */
const MOST_STEPS = 4000
const STEPS = 600

export async function picture(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const served = sideOf(view, query)
  const { span } = served
  const range = query.range(span)
  await served.check(range, new Slices(stop))
  const answer = await served.pictures.of(
    {
      range,
      steps: query.count('steps', STEPS, MOST_STEPS),
      backend: query.text('backend'),
      route: query.text('route'),
      selection: withoutStatus(selectionOf(view, query)),
      order: orderOf(view, query),
    },
    span,
    stop,
  )
  return jsonReply({ picture: packPicture(answer.picture), refining: answer.refining })
}
