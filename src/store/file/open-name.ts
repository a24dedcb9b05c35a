import { lstatSync, readdirSync, readlinkSync, statSync, type Stats } from 'node:fs'

const DESCRIPTORS = '/proc/self/fd'

/** The name that a file has now which this process has open; null if it has none, or another, a hard link, is left. */
export function openName(file: Pick<Stats, 'dev' | 'ino'>): string | null {
  for (const descriptor of readdirSync(DESCRIPTORS)) {
    const link = `${DESCRIPTORS}/${descriptor}`
    const found = statSync(link, { throwIfNoEntry: false })
    if (found?.ino !== file.ino || found.dev !== file.dev) continue
    const name = readlinkSync(link)
    return found.nlink === 0 || lstatSync(name, { throwIfNoEntry: false }) === undefined ? null : name
  }
  return null
}
