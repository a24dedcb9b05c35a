import { readFileSync } from 'node:fs'
import { PACKAGE } from './place.ts'

const manifest = JSON.parse(readFileSync(new URL('package.json', PACKAGE), 'utf8')) as {
  version: string
}

/** The version in package.json. */
export const version = manifest.version
