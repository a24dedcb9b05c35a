/** The document of `diff --format json` as lines of changes. */
import { CHANGE_FIELDS, type Change, type ChangeField, type Changed } from './source.ts'

type Changes = Readonly<Record<ChangeField, Changed>>

export interface DifferenceAnswer {
  readonly totals: Changes
  readonly backends: readonly (Changes & {
    readonly backend: string
    readonly name: string | null
    readonly routes: readonly (Changes & { readonly method: string; readonly route: string })[]
  })[]
}

/** All, and each backend before its routes. */
export const changesOf = ({ totals, backends }: DifferenceAnswer): readonly Change[] => [
  { label: 'all', isRoute: false, fields: fieldsOf(totals) },
  ...backends.flatMap((line) => [
    {
      label: line.name === null ? line.backend : `${line.name} · ${line.backend}`,
      isRoute: false,
      fields: fieldsOf(line),
    },
    ...line.routes.map((route) => ({
      label: `${route.method} ${route.route}`,
      isRoute: true,
      fields: fieldsOf(route),
    })),
  ]),
]

function fieldsOf(changes: Changes): Change['fields'] {
  const field = (name: ChangeField): Changed => {
    const { base, target, noise } = changes[name]
    return { base, target, noise }
  }
  const [rps, fivexx, failures, p50, p99] = CHANGE_FIELDS
  return {
    [rps]: field(rps),
    [fivexx]: field(fivexx),
    [failures]: field(failures),
    [p50]: field(p50),
    [p99]: field(p99),
  }
}
