/**
 * The network namespaces of a run. The kernel gives the number of one that is gone to the next: then what is called otherwise is another
 * one, and its backends are others too.
 */
import type { Backend } from '../frame/model/frame.ts'
import { REUSED } from '../frame/model/namespace.ts'
import { namespaceLabel, type NamespaceFacts } from './namespace-label.ts'
import { shortened } from './wire-values.ts'

export type Space = Pick<Backend, 'netns' | 'namespace'>

/** More than a kernel has at once; a helper that names more is not believed. */
const MAX_SPACES = 2 ** 16
/** Numbers stay exact. */
const MAX_REUSES = 2 ** 20
/** Longer ones are cut: a label is for people. */
const MAX_LABEL = 128

export class Namespaces {
  readonly #spaces = new Map<number, Space>()

  /** @returns false: the line says nothing new, or finds no room */
  rename(id: number, facts: NamespaceFacts): boolean {
    const before = this.#spaces.get(id)
    const label = shortened(namespaceLabel(facts), MAX_LABEL)
    if (label === null || label === before?.namespace) return false
    if (before === undefined && this.#spaces.size >= MAX_SPACES) return false
    const netns = before === undefined ? id : before.netns + REUSED
    if (netns >= REUSED * MAX_REUSES) return false
    this.#spaces.set(id, { netns, namespace: label })
    return true
  }

  of(id: number): Space {
    return this.#spaces.get(id) ?? { netns: id }
  }
}
