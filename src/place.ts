/** Where the program's own files lie: this file stays in the outermost folder, of the sources (src) and of what is built (dist). */
export const HERE = new URL('./', import.meta.url)
export const PACKAGE = new URL('..', import.meta.url)
