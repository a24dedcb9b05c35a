/** The help page, in as many columns as fit. A small screen shows a part of it. */
import type { Size } from './board.ts'
import { EMPTY, line, lineWidth, padLine, span, type Line } from './line.ts'

export interface HelpGroup {
  readonly title: string
  readonly keys: readonly (readonly [keys: string, does: string])[]
}

const NOTES = [
  'Yellow: 100 ms. Red: 1 s, 5xx, gRPC errors, failures. !: 5 % of it in trouble.',
  "Times are header times: until the answer's head is complete. ~: from a sample.",
]

/** @param first index of the first line to show. The last line says if there is more */
export function helpLines(groups: readonly HelpGroup[], size: Size, first: number): Line[] {
  const lines = allLines(groups, size.columns)
  if (lines.length <= size.rows) return lines
  const from = Math.min(first, helpEnd(groups, size))
  return [...lines.slice(from, from + size.rows - 1), line(' ↑↓ more', 'accent')]
}

/** The greatest useful `first`. */
export function helpEnd(groups: readonly HelpGroup[], { columns, rows }: Size): number {
  const { length } = allLines(groups, columns)
  return length <= rows ? 0 : length - rows + 1
}

function allLines(groups: readonly HelpGroup[], columns: number): Line[] {
  const widest = Math.max(...groups.flatMap(({ keys }) => keys.map(([key]) => key.length)))
  const blocks = groups.map((group) => blockOf(group, Math.max(11, widest + 1)))
  const width = Math.max(...blocks.flat().map(lineWidth)) + 1
  const across = Math.max(1, Math.min(blocks.length, Math.floor(columns / width)))
  const stacks: Line[][] = Array.from({ length: across }, () => [])
  for (const block of blocks) shortest(stacks).push(...block, EMPTY)
  // Each stack ends with an empty line, which is not needed below the longest.
  const height = Math.max(...stacks.map((stack) => stack.length)) - 1
  const body = Array.from({ length: height }, (_, i) =>
    stacks.flatMap((stack) => padLine(stack[i] ?? EMPTY, width)),
  )
  return [
    [span('upstreamtop', 'bold'), span(' — keys')],
    ...body,
    ...NOTES.map((note) => line(` ${note}`, 'dim')),
  ]
}

const shortest = (stacks: readonly Line[][]): Line[] =>
  stacks.reduce((best, stack) => (stack.length < best.length ? stack : best))

const blockOf = ({ title, keys }: HelpGroup, width: number): Line[] => [
  line(` ${title}`, 'bold'),
  ...keys.map(([key, does]): Line => [span(`  ${key.padEnd(width)}`, 'accent'), span(does)]),
]
