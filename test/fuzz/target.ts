/** A fuzzer, as the harness sees it: numbered inputs, and a run that checks them. */
export interface Target<Input> {
  /** the same seed and number give the same input on every machine */
  make(seed: number, number: number): Input
  /** @param step called with the name of the next step: a hang in native code has no stack. @throws for a finding */
  run(input: Input, step: (name: string) => void): void | Promise<void>
  /** Writes the input so that a person can use it. @param place the path without an ending */
  save(input: Input, place: string): void
  /** once per process, before the first input. @param folder private folder for files; removed at the end */
  prepare(folder: string): void | Promise<void>
}

/** An invariant that an input broke; other errors come from the program. */
export class Broken extends Error {
  override readonly name = 'Broken'
}
