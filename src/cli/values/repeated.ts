/** The parser of a repeatable option: collects its values in order. */
export const repeated = (text: string, before: readonly string[]): readonly string[] => [...before, text]
