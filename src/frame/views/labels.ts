/** What backends are called where there is room for both name and address, and where there is not. Pure. */
import { backendKey, nameOf } from '../model/aggregate.ts'
import type { Backend } from '../model/frame.ts'
import { namespaceOf } from '../model/namespace.ts'

/** Where there is room for all of it. */
export function labelOf(backend: Backend, severalNamespaces: boolean): string {
  const place = severalNamespaces ? `${backend.address}%${namespaceOf(backend)}` : backend.address
  const name = nameOf(backend)
  return name === null ? place : `${name} · ${place}`
}

export interface Label {
  /** `api · 10.0.1.10:8080`; without a name the address */
  readonly full: string
  readonly name: string | null
  /** the address, with its namespace where there are several */
  readonly place: string
  /** as much of `place` as says where it is: without the namespace where the address alone tells it apart */
  readonly address: string
  /** what tells it apart from others of this name: a part of its address, `…10`, or its namespace; '' if there are none */
  readonly apart: string
  /** characters of `name` that tell it apart from the other names */
  readonly least: number
}

/** @param backends all of a picture: those that have the same names are told apart */
export function labelsOf(
  backends: readonly Backend[],
  severalNamespaces: boolean,
): (backend: Backend) => Label {
  const namesakes = new Map<string, Map<string, Backend>>()
  for (const backend of backends) {
    const name = nameOf(backend)
    if (name === null) continue
    const group = namesakes.get(name) ?? new Map<string, Backend>()
    namesakes.set(name, group.set(backendKey(backend), backend))
  }
  const least = leastLengths([...namesakes.keys()])
  return (backend) => {
    const group = namesakes.get(nameOf(backend) ?? '')
    const label = labelAlone(backend, severalNamespaces)
    return group === undefined
      ? label
      : {
          ...label,
          ...among([...group.values()], backend, label.place),
          least: least.get(label.name ?? '') ?? 0,
        }
  }
}

/** Of one backend alone: its whole address stays. */
export function labelAlone(backend: Backend, severalNamespaces: boolean): Label {
  const place = placeOf(backend, severalNamespaces)
  return {
    full: labelOf(backend, severalNamespaces),
    name: nameOf(backend),
    place,
    address: place,
    apart: place,
    least: 0,
  }
}

const placeOf = (backend: Backend, severalNamespaces: boolean): string =>
  labelOf({ ...backend, names: [] }, severalNamespaces)

/** One more than it has in common with any other: in order, that is one of its neighbours. */
function leastLengths(names: readonly string[]): ReadonlyMap<string, number> {
  const sorted = [...names].sort((a, b) => (a < b ? -1 : 1))
  const common = (a: string, b = ''): number => {
    let length = 0
    while (length < a.length && a[length] === b[length]) length++
    return length
  }
  return new Map(
    sorted.map((name, i) => [
      name,
      sorted.length < 2 ? 0 : 1 + Math.max(common(name, sorted[i - 1]), common(name, sorted[i + 1])),
    ]),
  )
}

/** Told apart by the address if that is enough, else by the namespace, else by both. */
function among(
  group: readonly Backend[],
  { address }: Backend,
  place: string,
): Pick<Label, 'address' | 'apart'> {
  const addresses = [...new Set(group.map((each) => each.address))]
  const namespace = place.slice(address.length)
  if (addresses.length === group.length)
    return { address, apart: group.length < 2 ? '' : partApart(address, addresses) }
  const part = addresses.length === 1 ? '…' : partApart(address, addresses)
  return { address: place, apart: part + namespace }
}

/** Without what all begin and end with, in whole parts: of `10.0.1.10:8080` beside `10.0.1.11:8080` it is `…10`. */
function partApart(address: string, addresses: readonly string[]): string {
  const parts = addresses.map(partsOf)
  const own = partsOf(address)
  const most = Math.min(...parts.map(({ length }) => length)) - 1
  const same = (at: (list: readonly string[]) => string | undefined): boolean =>
    parts.every((list) => at(list) === at(own))
  let [head, end] = [0, 0]
  while (head < most && same((list) => list[head])) head++
  while (end < most - head && same((list) => list.at(-1 - end))) end++
  const rest = own.slice(head, own.length - end).join('')
  return head === 0 ? rest : `…${rest.replace(/^[.[]/, '')}`
}

/** Each part begins with its separator: `10`, `.0`, `.1`, `.10`, `:8080`. */
const partsOf = (address: string): readonly string[] => address.match(/[.:[\]]?[^.:[\]]*/g) ?? []
