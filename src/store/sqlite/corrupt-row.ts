/** A row that SQLite could read and that makes no sense. */
export class CorruptRow extends Error {
  override readonly name = 'CorruptRow'
}
