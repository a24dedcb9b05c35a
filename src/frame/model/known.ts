/** Unknown is not 0: a sum in which one part is not known is not known. */
export const addKnown = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b
