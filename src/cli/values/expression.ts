/** Expressions on the command line; an error shows the text and points at the character. */
import { ExitCode, usageError, UserError } from '../../errors.ts'
import { parseExpression } from '../../frame/expression/expression-parser.ts'
import { ANY_BACKEND, ExpressionError } from '../../frame/expression/expression.ts'
import {
  bothSelections,
  EVERYTHING,
  splitSelection,
  testsOf,
  type Selection,
} from '../../frame/expression/selection.ts'
import { cellWidth, visible } from '../../render/text.ts'

/** Several expressions are joined by "and". @param option for messages: `--where` */
export const selectionOption = (option: string, texts: readonly string[]): Selection =>
  texts.map((text) => withErrorPosition(option, () => selectionOf(text))).reduce(bothSelections, EVERYTHING)

function selectionOf(text: string): Selection {
  const expression = parseExpression(text)
  const absent = testsOf(expression).find((test) => test.kind === 'measure' && test.measure.kind === 'absent')
  if (absent !== undefined)
    throw new ExpressionError('absent selects nothing: it is for assert and --fail-on', text, absent.at)
  const any = testsOf(expression).find(
    (test) => test.kind === 'measure' && test.target?.backend === ANY_BACKEND,
  )
  if (any !== undefined)
    throw new ExpressionError('(*) selects nothing: it is for assert, --fail-on and --on', text, any.at)
  return splitSelection([expression], text)
}

/** For commands that select only rows, by backend, upstream, method and route; measures and status are refused. @throws UserError */
export function rowsOption(option: string, texts: readonly string[]): Selection {
  const selection = selectionOption(option, texts)
  if (selection.lines === null && selection.codes === null) return selection
  throw usageError(
    `${option}: only backend, method and route, or an upstream, select rows here`,
    `Leave them: ${option} "backend ~ '10.0.1.'"`,
  )
}

/** Turns an ExpressionError of `read` into a UserError that points at the character. */
export function withErrorPosition<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    const before = cellWidth(visible(error.text.slice(0, error.at)))
    throw new UserError(
      ExitCode.usage,
      `${option}: ${error.message}, at character ${error.at + 1} of "${error.text}"`,
      undefined,
      [error.text, `${' '.repeat(before)}^`],
    )
  }
}
