/** What a fuzzer is to the harness: inputs by number, and what must hold for each. */
export interface Target<Input> {
  /** the same for the same seed and number, on every machine */
  make(seed: number, number: number): Input
  /** @param step told what comes next: where native code hangs there is no stack. @throws whatever it is: a finding */
  run(input: Input, step: (name: string) => void): void | Promise<void>
  /** Writes the input so that a person can use it. @param place the path without an ending */
  save(input: Input, place: string): void
  /** once a process, before the first input. @param folder for whatever inputs write; private, and removed at the end */
  prepare(folder: string): void | Promise<void>
}

/** A law that an input broke, told apart from what the program threw by itself. */
export class Broken extends Error {
  override readonly name = 'Broken'
}
