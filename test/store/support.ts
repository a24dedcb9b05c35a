/** Temporary files for tests, and frames in a comparable order. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backendKey, routeKey, type Aggregate } from '../../src/frame/model/aggregate.ts'
import type { Backend, Route, SecondFrame, WireRow } from '../../src/frame/model/frame.ts'
import type { RecordingMeta } from '../../src/store/format/meta.ts'

export const META: RecordingMeta = {
  host: 'web1',
  timeZone: 'Europe/Berlin',
  kernel: '6.18.0',
  arguments: ['record', '--out', 'x.db'],
  interfaces: ['eth0', 'lo'],
}

export function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-test-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    const result = use(folder)
    if (!(result instanceof Promise)) remove()
    else return result.finally(remove) as T
    return result
  } catch (error) {
    remove()
    throw error
  }
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : 1)
const rowKey = ({ backend, route }: { readonly backend: Backend; readonly route: Route }): string =>
  `${backendKey(backend)} ${routeKey(route)}`
const text = ({ address, netns, namespace, names }: Backend): unknown => ({
  address,
  netns,
  namespace,
  names,
})
const words = ({ method, path }: Route): unknown => ({ method, path })

const wiresOf = (rows: readonly WireRow[] | null): unknown =>
  rows
    ?.map((row) => ({
      key: `${backendKey(row.backend)} ${row.wire.address}`,
      ...row,
      backend: text(row.backend),
      wire: row.wire.address,
    }))
    .sort(byKey) ?? null

/** The ids of backends and routes are specific to a file, and rows have no order. */
export const comparable = (frame: SecondFrame): unknown => ({
  ...frame,
  traffic: frame.traffic
    .map((row) => ({ key: rowKey(row), ...row, backend: text(row.backend), route: words(row.route) }))
    .sort(byKey),
  connections: frame.connections
    .map((row) => ({ key: backendKey(row.backend), ...row, backend: text(row.backend) }))
    .sort(byKey),
  wires: wiresOf(frame.wires),
  requests: frame.requests.map((row) => ({ ...row, backend: text(row.backend), route: words(row.route) })),
})

export const comparableSum = (sum: Aggregate): unknown => ({
  ...sum,
  wires: wiresOf(sum.wires),
  backends: sum.backends
    .map((row) => ({
      key: backendKey(row.backend),
      ...row,
      backend: text(row.backend),
      connection: { ...row.connection, backend: null },
      routes: row.routes
        .map((route) => ({ key: routeKey(route.route), ...route, backend: null, route: words(route.route) }))
        .sort(byKey),
    }))
    .sort(byKey),
})
