/** Pages from a -wal or -journal that replace pages of the file. */
export interface Patch {
  /** number of pages that the file has afterwards */
  readonly pages: number
  /** page number and content, in the order in which they are to be written */
  readonly content: Iterable<readonly [page: number, content: Buffer]>
}
