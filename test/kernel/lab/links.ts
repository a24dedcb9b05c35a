/** BPF links: which a process holds, and what is left of them. */
import { readdirSync, readFileSync } from 'node:fs'
import { sh } from './system.ts'

export interface Link {
  readonly id: string
  readonly kind: string
}

/** The BPF links that a process holds. */
export const linksOf = (pid: number): readonly Link[] =>
  readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    const [, kind] = /^link_type:\t(.*)$/m.exec(text) ?? []
    const [, id] = /^link_id:\t(.*)$/m.exec(text) ?? []
    return kind === undefined || id === undefined ? [] : [{ id, kind }]
  })

/** How many of them the kernel still has. */
export async function countLeft(links: readonly Link[]): Promise<number> {
  const left = await Promise.all(
    links.map(({ id }) =>
      sh('bpftool', 'link', 'show', 'id', id).then(
        () => true,
        () => false,
      ),
    ),
  )
  return left.filter((exists) => exists).length
}
