import { existsSync } from 'node:fs'

/** Folders of the program's own files. This file must stay in the top folder of the sources (src) and of the build (dist). */
export const HERE = new URL('./', import.meta.url)
export const PACKAGE = new URL('..', import.meta.url)
/** These are the sources, where everything can be built. An installed package has no Makefile. */
export const IS_CLONE = existsSync(new URL('Makefile', PACKAGE))
/** What the build makes and no source is: the page's script. From the sources it is that of the last build. */
export const BUILT = new URL('dist/', PACKAGE)
