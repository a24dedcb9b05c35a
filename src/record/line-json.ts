/** The JSON of a line, checked for its size before it is parsed. */

/** undefined: no JSON object */
export function jsonOf(line: string): unknown {
  const text = startsLikeAnObject(line) ? line : line.replace(BEFORE, '')
  // Cheap tests first: in a flood of bad lines, one exception per line would be the largest cost.
  if (text.length < MIN_LENGTH || !startsLikeAnObject(text)) return undefined
  if (text.length > MAX_LISTS && !hasFewLists(text)) return undefined
  return parsed(text) ?? (CONTROL.test(text) ? parsed(withoutControls(text)) : undefined)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const MIN_LENGTH = '{"type":"bye"}'.length
const startsLikeAnObject = (text: string): boolean => text.charCodeAt(0) === 0x7b

/** What a shell, a buffer that was not filled or a sparse file leaves before the first byte, and a byte order mark. */
const BEFORE = /^[\0-\x20\ufeff]+/
const CONTROL = /[\0-\x1f]/

/**
 * Raw control bytes are no JSON. One NUL in a path, or behind a line, must not cost a tick: in a string it is data and is escaped, elsewhere
 * it is a blank. A number with one in it stays invalid, because nobody knows what it was.
 */
function withoutControls(text: string): string {
  let isInString = false
  return text.replace(/\\[^]|["\0-\x1f]/g, (part) => {
    if (part === '"') isInString = !isInString
    if (part.length > 1 || part === '"') return part
    return isInString ? `\\u${part.charCodeAt(0).toString(16).padStart(4, '0')}` : ' '
  })
}

/** A full snapshot has 70,000 rows with four lists each. */
const MAX_LISTS = 2 ** 20

/** Checked before parsing: 64 MB of brackets would become gigabytes of lists. Brackets in strings count too, but there are few. */
function hasFewLists(line: string): boolean {
  let lists = 0
  for (const bracket of ['[', '{']) {
    for (let at = line.indexOf(bracket); at >= 0; at = line.indexOf(bracket, at + 1)) {
      if (++lists > MAX_LISTS) return false
    }
  }
  return true
}
