/** A row that SQLite could read but whose values are not valid. */
export class CorruptRow extends Error {
  override readonly name = 'CorruptRow'
}
