/** null means unknown: a sum with an unknown part is unknown, too. */
export const addKnown = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b
