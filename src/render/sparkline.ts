/** Bars in text: a series as a line of blocks, a share as a bar. */
const EIGHTHS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

/** A second in which nothing was recorded. */
export const HATCH = '░'

/** The last `width` values, relative to the greatest of them: only the shape. null is hatched. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const shown = values.slice(-width)
  const greatest = Math.max(0, ...shown.map((value) => value ?? 0))
  return shown
    .map((value) => (value === null ? HATCH : block(value, greatest)))
    .join('')
    .padStart(width)
}

/** Zero is the lowest block, so that a line of zeros is visible. Any greater value is at least one block higher. */
export function block(value: number, greatest: number): string {
  if (value <= 0 || greatest <= 0) return EIGHTHS[0]
  return EIGHTHS[Math.max(1, Math.ceil((value / greatest) * EIGHTHS.length) - 1)]!
}

/** A ratio in 0–1 as a bar of at most `width` cells, in eighths of a cell. A ratio above 0 is at least an eighth. */
export function bar(ratio: number, width: number): string {
  const eighths = Math.round(Math.min(1, ratio) * width * 8)
  const shown = ratio > 0 ? Math.max(1, eighths) : 0
  return '█'.repeat(Math.floor(shown / 8)) + PARTS[shown % 8]!
}
