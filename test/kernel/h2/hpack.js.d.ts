/** hpack.js 2.1.6 has no types. Only what the tests use. */
declare module 'hpack.js' {
  interface Field {
    readonly name: string
    readonly value: string
  }

  interface Decompressor {
    write(bytes: Buffer): boolean
    /** @throws through the event `error`, if no function is given */
    execute(done?: (error?: Error) => void): void
    read(): Field | null
    updateTableSize(size: number): void
    on(event: 'error', listener: (error: Error) => void): this
  }

  const hpack: {
    readonly decompressor: { create(options: { readonly table: { readonly maxSize: number } }): Decompressor }
    readonly 'static-table': { readonly table: readonly Field[] }
    /** by the symbol: bits of the code, and the code, as a signed 32-bit number */
    readonly huffman: { readonly encode: readonly (readonly [length: number, code: number])[] }
  }
  export default hpack
  export type { Decompressor, Field }
}
