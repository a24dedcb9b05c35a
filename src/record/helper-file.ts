/** Where the helper is: in a clone and after `make install` the one that was built there, in npm's package one for each architecture. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { IS_CLONE, PACKAGE } from '../place.ts'

const BUILT = fileURLToPath(new URL('build/upstreamtop-probe', PACKAGE))
const PACKED = `${BUILT}-${process.platform}-${process.arch}`

export const HELPER_PATH = IS_CLONE || existsSync(BUILT) ? BUILT : PACKED

/** What is said where there is no such file. */
export const WITHOUT_HELPER = IS_CLONE
  ? { what: `the helper "${HELPER_PATH}" is not built`, remedy: "run 'make build'" }
  : {
      what: `there is no helper "${HELPER_PATH}": this package records on Linux, on x64 and arm64`,
      remedy: "elsewhere replay and report work; on another Linux a clone has 'make build'",
    }
