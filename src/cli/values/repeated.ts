/** The parser of an option that may be given several times: what it was given, in order. */
export const repeated = (text: string, before: readonly string[]): readonly string[] => [...before, text]
