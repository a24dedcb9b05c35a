/** The interfaces of the counters, and their zeros. */
import { CONNECTION, CONTROL, EXCLUDED, LOSS, ROUTE } from '../../src/frame/model/counters.ts'
import { each, fieldsOf, HEAD, type Field } from './fields.ts'

const route = fieldsOf(ROUTE)
const failures = route.filter(({ isFailure }) => isFailure)
const plain = route.filter(({ isFailure }) => !isFailure)

export const types = (): string => `/** ${HEAD} */

/** Attempts that got no complete final head. */
${group('Failures', failures)}
/** Exact counters of a (backend, route). null: not known. */
export interface RouteCounters {
  ${each(plain, property)}
  readonly failures: Failures
}
export const NO_ROUTE: RouteCounters = { ${each(plain, zero, '')} failures: NO_FAILURES }

/** The same as totals on the wire. */
export interface RouteTotals {
  ${each(plain, totalProperty)}
  readonly failures: Failures
}

/** What happened to a backend outside any request. */
${group('ConnectionCounters', fieldsOf(CONNECTION), 'NO_CONNECTION')}
/** The same as totals on the wire. */
export interface ConnectionWireTotals {
  ${each(fieldsOf(CONNECTION), totalProperty)}
}
/** Why a number may be too small. */
${group('Loss', fieldsOf(LOSS))}
/** Traffic that is not nginx's upstream leg, by reason. Counted in requests where these can be recognised, else in flows. */
${group('Excluded', fieldsOf(EXCLUDED))}
/**
 * Each payload segment that a program saw is counted by exactly one of these: segments = the sum of the others up to \`excluded\`.
 * Requests: started = answered + failed + open, over all routes.
 */
${group('Control', fieldsOf(CONTROL))}`

const group = (name: string, fields: readonly Field[], none = `NO_${name.toUpperCase()}`): string => `
export interface ${name} {
  ${each(fields, property)}
}
export const ${none}: ${name} = { ${each(fields, zero, '')} }
`

const property = ({ name, what, isLater }: Field): string =>
  `/** ${what} */\nreadonly ${name}: number${isLater ? ' | null' : ''}`
const totalProperty = ({ name, isBytes, isLater }: Field): string =>
  `readonly ${name}: ${isBytes ? 'bigint' : 'number'}${isLater ? ' | null' : ''}`
const zero = ({ name }: Field): string => `${name}: 0,`
