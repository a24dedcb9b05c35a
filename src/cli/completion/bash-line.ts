/** Bash hands over the line as it was typed, and inserts what it gets as it is: both ways of quoting are here. */

export interface TypedLine {
  /** without their quotes; the last one is being typed, and may be empty */
  readonly words: readonly string[]
  /** the last one as it stands on the line */
  readonly raw: string
}

/** A quote that is still open ends with the line. */
export function readLine(line: string): TypedLine {
  const pieces = [...line.matchAll(/(?:\\[^]|'[^']*(?:'|$)|"(?:\\[^]|[^"\\])*(?:"|$)|[^\s'"\\])+/g)]
  const last = pieces.at(-1)
  const isBetween = last === undefined || last.index + last[0].length < line.length
  const words = pieces.map(([piece]) => withoutQuotes(piece))
  return isBetween ? { words: [...words, ''], raw: '' } : { words, raw: last[0] }
}

const withoutQuotes = (piece: string): string =>
  piece.replace(
    /\\([^])|'([^']*)'?|"((?:\\[^]|[^"\\])*)"?/g,
    (_, one?: string, single?: string, double?: string) =>
      double === undefined ? (one ?? single ?? '') : double.replace(/\\([$`"\\])/g, '$1'),
  )

/** A value as bash reads it back, whatever is in it. */
export const quoted = (value: string): string => value.replace(/[^\w@%+=:,./-]/gu, '\\$&')

/**
 * What bash puts in the place of `replaced`, the end of the word that it would replace (it splits words at `=` and `:`, too). A word
 * that was begun with quotes is left alone.
 */
export function insertions(values: readonly string[], raw: string, replaced: string): readonly string[] {
  if (!raw.endsWith(replaced)) return []
  const kept = raw.length - replaced.length
  return values
    .map(quoted)
    .filter((value) => value.startsWith(raw))
    .map((value) => value.slice(kept))
}
