/** Joins small pieces of text into large ones: the cost of a write hardly depends on its length. */

/** UTF-16 units a batch at least, but for the last one. */
const BATCH = 65_536

export function* batched(chunks: Iterable<string>): Iterable<string> {
  let batch = ''
  for (const chunk of chunks) {
    batch += chunk
    if (batch.length < BATCH) continue
    yield batch
    batch = ''
  }
  if (batch !== '') yield batch
}
