/** Expressions on the command line; an error shows the text and points at the character. */
import { ExitCode, usageError, UserError } from '../../errors.ts'
import { parseExpression } from '../../frame/expression/expression-parser.ts'
import { ExpressionError, type Expression } from '../../frame/expression/expression.ts'
import {
  bothSelections,
  EVERYTHING,
  splitSelection,
  type Selection,
} from '../../frame/expression/selection.ts'
import { cellWidth, visible } from '../../render/text.ts'

/** `option` is what the user wrote it behind: `--where`. */
export const expressionOption = (option: string, text: string): Expression =>
  pointing(option, () => parseExpression(text))

/** Several are joined by "and". */
export const selectionOption = (option: string, texts: readonly string[]): Selection =>
  texts
    .map((text) => pointing(option, () => splitSelection([parseExpression(text)], text)))
    .reduce(bothSelections, EVERYTHING)

/** Where lines and codes make no sense: backend, method and route alone. */
export function rowsOption(option: string, texts: readonly string[]): Selection {
  const selection = selectionOption(option, texts)
  if (selection.lines === null && selection.codes === null) return selection
  throw usageError(
    `${option}: only backend, method and route select rows here`,
    `Leave them: ${option} "backend ~ '10.0.1.'"`,
  )
}

/** Runs what may find fault with an expression. */
export function pointing<T>(option: string, read: () => T): T {
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
