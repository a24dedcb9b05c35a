/** Bytes sent and received by `address METHOD target`: the recording's, and those of nginx's log. */
import type { Attempt } from './nginx.ts'
import type { Seen } from './watch.ts'

export type Bytes = Readonly<Record<string, readonly [sent: number, received: number]>>

export const bytesOf = (seen: Pick<Seen, 'sum'>): Bytes =>
  summed(
    seen.sum.backends.flatMap(({ backend, routes }) =>
      routes.map(({ route, sentBytes, receivedBytes }) => ({
        name: `${backend.address} ${route.method} ${route.path}`,
        sent: sentBytes ?? NaN,
        received: receivedBytes ?? NaN,
      })),
    ),
  )

/** @param named what the recording calls a row */
export const loggedBytes = (
  attempts: readonly Attempt[],
  named: (row: string) => string = (row) => row,
): Bytes =>
  summed(
    attempts.map(({ backend, method, target, sent, received }) => ({
      name: named(`${backend} ${method} ${target}`),
      sent: sent ?? 0,
      received: received ?? 0,
    })),
  )

function summed(rows: readonly { name: string; sent: number; received: number }[]): Bytes {
  const sums: Record<string, readonly [number, number]> = {}
  for (const { name, sent, received } of rows) {
    const [before, behind] = sums[name] ?? [0, 0]
    sums[name] = [before + sent, behind + received]
  }
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => (a < b ? -1 : 1)))
}
