/** Frames as columns: what a recording that has no columns of its own, or whose rows are not whole, is exported from. */
import { classCount } from '../../frame/expression/measure.ts'
import { CONNECTION, ROUTE_FAILURES, ROUTE_PLAIN, type Counter } from '../../frame/model/counters.ts'
import type { Distribution, SecondFrame } from '../../frame/model/frame.ts'
import type { PairColumn, RowColumns, TickColumns } from '../../frame/model/tick-columns.ts'

export function columnsOfFrames(frames: readonly SecondFrame[]): TickColumns {
  const traffic = frames.flatMap((frame) => frame.traffic)
  const connections = frames.flatMap((frame) => frame.connections)
  const classes = [1, 2, 3, 4, 5].map((digit): [string, number[]] => [
    `status_${digit}xx`,
    traffic.map((row) => classCount(row, digit)),
  ])
  return {
    heads: frames,
    traffic: {
      perTick: frames.map((frame) => frame.traffic.length),
      backend: traffic.map(({ backend }) => backend),
      route: traffic.map(({ route }) => route),
      numbers: {
        ...numbersOf(traffic, ROUTE_PLAIN),
        ...numbersOf(
          traffic.map(({ failures }) => failures),
          ROUTE_FAILURES,
        ),
        ...Object.fromEntries(classes),
        in_flight: traffic.map(({ inFlight }) => inFlight),
        oldest: traffic.map(({ oldest }) => oldest),
        ...distributionsOf(
          'header',
          traffic.map(({ header }) => header),
        ),
        ...distributionsOf(
          'total',
          traffic.map(({ total }) => total),
        ),
      },
      pairs: {
        codes: pairsOf(traffic.map(({ codes }) => codes)),
        grpc: pairsOf(traffic.map(({ grpc }) => grpc)),
        header: pairsOf(traffic.map(({ header }) => header.buckets)),
        total: pairsOf(traffic.map(({ total }) => total.buckets)),
      },
    },
    connections: {
      perTick: frames.map((frame) => frame.connections.length),
      backend: connections.map(({ backend }) => backend),
      numbers: {
        ...numbersOf(connections, CONNECTION),
        ...distributionsOf(
          'connect',
          connections.map(({ connect }) => connect),
        ),
      },
      pairs: { connect: pairsOf(connections.map(({ connect }) => connect.buckets)) },
    },
    wires: frames.map(({ wires }) => wires),
    requests: frames.map(({ requests }) => requests),
  }
}

type Numbers = RowColumns['numbers']

const numbersOf = (rows: readonly object[], counters: readonly Counter[]): Numbers =>
  Object.fromEntries(
    counters.map(({ word, name }) => [
      word,
      rows.map((row) => (row as Readonly<Record<string, number | null>>)[name] ?? null),
    ]),
  )

const distributionsOf = (name: string, rows: readonly Distribution[]): Numbers => ({
  [`${name}_count`]: rows.map(({ count }) => count),
  [`${name}_sampled`]: rows.map(({ sampled }) => sampled),
  [`${name}_sum`]: rows.map(({ sum }) => sum),
  [`${name}_min`]: rows.map(({ min }) => min),
  [`${name}_max`]: rows.map(({ max }) => max),
})

/** @param rows of each row [key, count, key, count, …]; null: unknown */
function pairsOf(rows: readonly (readonly number[] | null)[]): PairColumn {
  const flat = rows.flatMap((row) => row ?? [])
  return {
    lengths: rows.map((row) => (row === null ? -1 : row.length / 2)),
    keys: flat.filter((_, i) => i % 2 === 0),
    counts: flat.filter((_, i) => i % 2 === 1),
  }
}
