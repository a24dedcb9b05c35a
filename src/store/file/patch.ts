/** Pages that take the place of a file's own, out of what lies beside it. */
export interface Patch {
  /** how many pages the file has then */
  readonly pages: number
  /** number and content, in the order in which they are to be written */
  readonly content: Iterable<readonly [page: number, content: Buffer]>
}
