/** A table of changes: each number with what it was as a bar below it, and its change beside it. */
import type { Change, Changes } from '../../frame/views/compare.ts'
import { text } from '../page/markup.ts'
import { barSvg } from '../page/still-lanes.ts'

export interface ChangeColumn {
  readonly title: string
  /** in a sentence */
  readonly name: string
  readonly of: (changes: Changes) => Change
  readonly shown: (value: number | null) => string
  readonly delta: (change: Change) => string
  /** more of it is worse */
  readonly isWorse: boolean
  /** it counts what went wrong */
  readonly isTrouble: boolean
}

export interface ChangeRow {
  readonly names: readonly string[]
  readonly mark: string
  readonly changes: Changes
}

export function changeTable(
  title: string,
  names: readonly string[],
  rows: readonly ChangeRow[],
  columns: readonly ChangeColumn[],
  note: string | null,
): string {
  const head = [
    ...names.map((name) => `<th scope="col" align="left">${name}</th>`),
    ...columns.flatMap((column) => [
      `<th scope="col" align="right">${column.title}</th>`,
      `<th scope="col" align="right"><abbr title="change">Δ</abbr></th>`,
    ]),
    '<th scope="col" align="left"><span class="unseen">only on one side</span></th>',
  ]
  const most = columns.map(({ of }) =>
    Math.max(0, ...rows.flatMap(({ changes }) => [of(changes).base ?? 0, of(changes).target ?? 0])),
  )
  const body = rows.map(
    ({ names: own, mark, changes }) =>
      `<tr>${own.map((name) => `<td><code>${text(name)}</code></td>`).join('')}` +
      `${columns.map((column, i) => cells(column, column.of(changes), most[i]!)).join('')}<td>${mark}</td></tr>`,
  )
  return (
    `<section><h2>${title}</h2><div class="scroll" tabindex="0" role="region" aria-label="${title}"><table cellpadding="4">` +
    `<thead><tr>${head.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>` +
    `${note === null ? '' : `<p class="note">${text(note)}</p>`}</section>`
  )
}

function cells({ shown, delta, isTrouble, isWorse }: ChangeColumn, change: Change, most: number): string {
  const { base, target } = change
  const bars =
    most === 0 || ((base ?? 0) === 0 && (target ?? 0) === 0)
      ? ''
      : barSvg(base ?? 0, most, 'before') + barSvg(target ?? 0, most, isTrouble ? 'trouble' : '')
  const quiet = target === null || target === 0
  return (
    `<td align="right"${quiet ? ' class="zero"' : ''}>${text(shown(target))}${bars}</td>` +
    `<td align="right"${lookOf(change, isWorse)}>${text(delta(change))}</td>`
  )
}

/** What could be chance, and no change, is quiet. */
function lookOf({ change, noise }: Change, isWorse: boolean): string {
  if (change === null || change === 0 || noise !== false) return ' class="zero"'
  return isWorse && change > 0 ? ' class="bad"' : ' class="sure"'
}
