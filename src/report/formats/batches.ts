/** Joins small pieces of text into large ones: the cost of a write hardly depends on its length. */

/** Least length of a batch, UTF-16 units; the last one may be shorter. */
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
