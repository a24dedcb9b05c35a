/** Node has it, and its types do not. Only what machine.ts uses. */
declare namespace WebAssembly {
  type Imports = Readonly<Record<string, Readonly<Record<string, (...values: number[]) => number>>>>

  // eslint-disable-next-line @typescript-eslint/no-extraneous-class -- the platform has a class
  class Module {
    constructor(bytes: Uint8Array)
    static imports(module: Module): readonly { readonly module: string; readonly name: string }[]
  }
  class Instance {
    constructor(module: Module, imports: Imports)
    readonly exports: Readonly<Record<string, unknown>>
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
}
