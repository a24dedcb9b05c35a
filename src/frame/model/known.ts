/** null means unknown: a sum with an unknown part is unknown, too. */
export const addKnown = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b

/** The value at the end of a span, and then at the end of the next: once it is unknown it stays so, because rows without it look like none open. */
export const lastKnown = (a: number | null, b: number | null): number | null => (a === null ? null : b)
