import type { FindingEntry } from './document.ts'

export const findingsOf = (): FindingEntry[] => []
