/** A helper's lines with names of backends, one of which changes: what nginx's configuration says before and after a reload. */
import { ROUTE } from '../../src/frame/model/counters.ts'
import type { ConnectionColumns, TrafficColumns } from '../../src/record/rows.generated.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { hello, route, snapshot } from './wire-lines.ts'

export const named = (
  id: number,
  names?: readonly string[],
  address = `10.0.1.${9 + id}:8080`,
): WireLine => ({
  type: 'backend',
  id,
  address,
  netns: 4026531840,
  ...(names === undefined ? {} : { names }),
})

const LATER = ROUTE.filter(({ since }) => since === 'later')

/** All that is answered is 200, in 1 ms. */
export const traffic = (slot: number, requests: number, answered = requests): TrafficColumns =>
  [
    ...[slot, requests, answered, 0, 0, 0, 0, 0, 0, 0, 0, String(1000 * answered), answered],
    ...[String(1000 * answered), requests > answered ? 1 : 0, answered === 0 ? [] : [200, answered], [], []],
    ...LATER.map(({ kind }) => (kind === 'bytes' ? '0' : 0)),
  ] as unknown as TrafficColumns

export const connects = (id: number, count: number): ConnectionColumns =>
  [id, count, 0, 0, 0, 0, '0', []] as unknown as ConnectionColumns

/** Names that hold what separates names elsewhere. */
export const AWKWARD = ['api', 'web, "old"']

const ids = [1, 2, 3, 4] as const
const tick = (second: number): WireLine =>
  snapshot(second, {
    traffic: ids.map((id) =>
      traffic(id, 10 * id * second, 10 * id * second - (id === 2 && second === 3 ? 4 : 0)),
    ),
    connections: ids.map((id) => connects(id, id * second)),
    requests:
      second === 0
        ? []
        : ids.map((id) => [id, 1_763_800_000_000_000 + second * 1_000_000 - 1, 200, 1000, 1000]),
    wires: [],
  })

/**
 * Six ticks: 60 requests to .10, 120 to .11, 180 to .12, 240 to .13. The second backend is `api`, and `shop` from the fourth tick on, with
 * four requests in flight; the third has no name; of the fourth it is not known.
 */
export const RENAMED: readonly WireLine[] = [
  hello,
  named(1, AWKWARD),
  named(2, ['api']),
  named(3, []),
  named(4),
  ...ids.map((id): WireLine => ({ ...route(id, '/orders'), backend: id }) as WireLine),
  ...[0, 1, 2, 3].map(tick),
  named(2, ['shop']),
  ...[4, 5, 6].map(tick),
  { type: 'bye', reason: 'stdin closed' },
]

export const textOf = (lines: readonly WireLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('')
