/**
 * Pseudonyms for paths, addresses and names: the same text has the same pseudonym within a recording and in every cut of it. The
 * structure of routes with their `:id`, ports, numbers and common methods stay readable.
 */
import { isIP } from 'node:net'
import type { Backend, Marker, RequestEvent, Route, SecondFrame, Wire } from '../../frame/model/frame.ts'
import { OTHER, OTHER_ADDRESS } from '../../frame/model/frame.ts'
import { compareBytes } from '../../frame/views/ranking.ts'
import type { AllNames } from '../names/names.ts'

export const REDACTABLE = ['paths', 'ips', 'hosts'] as const
export type Redactable = (typeof REDACTABLE)[number]

export class Redactor {
  readonly #backends = new Map<Backend, Backend>()
  readonly #routes = new Map<Route, Route>()
  readonly #wires = new Map<Wire, Wire>()
  readonly #segments = new Numbered()
  readonly #methods = new Numbered()
  readonly #ips = new Numbered()
  readonly #names = new Numbered()
  readonly #namespaces = new Numbered()

  /** @param all names of the recording, in the order of their numbers, so that every cut has the same pseudonyms */
  constructor(
    readonly what: ReadonlySet<Redactable>,
    all: AllNames,
  ) {
    for (const backend of all.backends) this.#backend(backend)
    for (const route of all.routes) this.#route(route)
    for (const wire of all.wires) this.#wire(wire)
  }

  frame = (frame: SecondFrame): SecondFrame => ({
    ...frame,
    traffic: frame.traffic.map((row) => ({ ...row, ...this.#pair(row) })),
    connections: frame.connections.map((row) => ({ ...row, backend: this.#backend(row.backend) })),
    wires:
      frame.wires?.map((row) => ({
        ...row,
        backend: this.#backend(row.backend),
        wire: this.#wire(row.wire),
      })) ?? null,
    requests: frame.requests.map((event): RequestEvent => ({ ...event, ...this.#pair(event) })),
  })

  /** A text that a person wrote may contain anything, so it is replaced. */
  marker = (marker: Marker, index: number): Marker =>
    marker.kind === 'clock_step' || marker.kind === 'suspend'
      ? marker
      : { ...marker, text: `${marker.kind} ${index + 1}` }

  host = (host: string): string => (this.what.has('hosts') ? 'host-1' : host)

  #pair({ backend, route }: { readonly backend: Backend; readonly route: Route }): {
    readonly backend: Backend
    readonly route: Route
  } {
    return { backend: this.#backend(backend), route: this.#route(route) }
  }

  #backend(backend: Backend): Backend {
    let redacted = this.#backends.get(backend)
    if (redacted === undefined) {
      const { address, names } = backend
      redacted = {
        ...backend,
        address: this.what.has('ips') ? this.#address(address) : address,
        ...(backend.namespace !== undefined && this.what.has('hosts')
          ? { namespace: `namespace-${this.#namespaces.of(backend.namespace)}` }
          : {}),
        names: names && [...new Set(names.map((name) => this.#name(name)))].sort(compareBytes),
      }
      this.#backends.set(backend, redacted)
    }
    return redacted
  }

  /** A name may be an address, or contain one. */
  #name(name: string): string {
    if (this.what.has('hosts')) return `name-${this.#names.of(name)}`
    if (!this.what.has('ips')) return name
    return isIP(name) === 6 ? this.#ip(`[${name}]`) : name.replace(ADDRESS, (ip) => this.#ip(ip))
  }

  #wire(wire: Wire): Wire {
    let redacted = this.#wires.get(wire)
    if (redacted === undefined) {
      redacted = this.what.has('ips') ? { ...wire, address: this.#address(wire.address) } : wire
      this.#wires.set(wire, redacted)
    }
    return redacted
  }

  #address(address: string): string {
    if (address === OTHER_ADDRESS) return address
    const end = address.lastIndexOf(':')
    return this.#ip(address.slice(0, end)) + address.slice(end)
  }

  /** 198.18.0.0/15 is reserved for benchmarks (RFC 2544) and belongs to nobody; its 131,072 addresses suffice. */
  #ip(ip: string): string {
    const number = this.#ips.of(ip)
    return `198.${18 + ((number >> 16) & 1)}.${(number >> 8) & 255}.${number & 255}`
  }

  #route(route: Route): Route {
    let redacted = this.#routes.get(route)
    if (redacted === undefined) {
      redacted = this.what.has('paths')
        ? { ...route, method: this.#method(route.method), path: this.#path(route.path) }
        : route
      this.#routes.set(route, redacted)
    }
    return redacted
  }

  #method(method: string): string {
    return COMMON_METHODS.has(method) ? method : `METHOD${this.#methods.of(method)}`
  }

  #path(path: string): string {
    if (path === OTHER.path || path === '*') return path
    const segments = path
      .split('/')
      .map((part) => (part === '' || part === ':id' ? part : `p${this.#segments.of(part)}`))
    return segments.join('/')
  }
}

/** IPv6 only in brackets: else a name with colons would be one. */
const ADDRESS = /\[[\da-f:.]+\]|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/gi

const COMMON_METHODS: ReadonlySet<string> = new Set([
  '*',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'QUERY',
])

class Numbered {
  readonly #numbers = new Map<string, number>()

  of(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#numbers.size + 1)
    return this.#numbers.size
  }
}
