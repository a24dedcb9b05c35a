/** What a network namespace is called, or the number that the kernel gave it. */
import type { Backend } from './frame.ts'

export const namespaceOf = ({ namespace, netns }: Pick<Backend, 'namespace' | 'netns'>): string =>
  namespace ?? String(netns % REUSED)

/** Added to the number of a namespace for each one that had the same number before. Inode numbers have 32 bits. */
export const REUSED = 2 ** 32
