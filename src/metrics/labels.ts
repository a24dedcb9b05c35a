/** Labels as text, `name="value",…`. Two that are equal as text are one. */
import { nameOf } from '../frame/model/aggregate.ts'
import { OTHER_ADDRESS, type Backend, type Route } from '../frame/model/frame.ts'
import { visible } from '../render/text.ts'

/** What packets say: no control byte of theirs may end a scrape, or move a terminal that shows a label. */
export const label = (name: string, value: string): string =>
  `${name}="${visible(value).replace(/["\\]/g, '\\$&')}"`

/**
 * The words of OpenTelemetry's HTTP conventions. The namespace is told where it is not the host's own: containers have the same addresses.
 */
export function backendLabels(backend: Backend): string {
  const [, address = backend.address, port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(backend.address) ?? []
  const { namespace = 'host' } = backend
  return [
    label('server_address', address),
    label('server_port', port),
    label('upstream', nameOf(backend) ?? ''),
    ...(namespace === 'host' ? [] : [label('namespace', namespace)]),
  ].join(',')
}

export const OTHER_BACKEND = backendLabels({ id: 0, address: OTHER_ADDRESS, netns: 0, names: null })

export const routeLabels = ({ method, path }: Pick<Route, 'method' | 'path'>): string =>
  `${label('http_request_method', method)},${label('url_template', path)}`
