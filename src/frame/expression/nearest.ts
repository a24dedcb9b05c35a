/** The known word that was probably meant. */

/** Null if none is close: at most a third of the letters differ, or the word is a part of it. */
export function nearestOf(word: string, known: Iterable<string>): string | null {
  let best: { readonly name: string; readonly distance: number } | null = null
  for (const name of known) {
    const distance = isPart(word, name) ? 1 : distanceWithin(word, name, allowed(word))
    if (distance !== null && distance < (best?.distance ?? Infinity)) best = { name, distance }
  }
  return best?.name ?? null
}

const allowed = (word: string): number => Math.max(1, Math.floor(word.length / 3))
/** An address without its port, a route without its slash. */
const isPart = (word: string, name: string): boolean => word.length > 2 && name.includes(word)

/** Letters to change, add, remove or swap (optimal string alignment), without regard to case; null: more than `most`. */
function distanceWithin(word: string, name: string, most: number): number | null {
  if (Math.abs(word.length - name.length) > most) return null
  const [a, b] = [word.toLowerCase(), name.toLowerCase()]
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, change)
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]! <= most ? last[b.length]! : null
}
