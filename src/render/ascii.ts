/**
 * Text for terminals and logs that show nothing but ASCII. Pure. Each sign of ours becomes one character, so that columns stay columns;
 * the heights of a sparkline and the eighths of a bar stay in order.
 */
import { cellWidth } from './text.ts'

/** For pictures: what is foreign is a `?` per cell. */
export const asciiCells = (text: string): string =>
  text.replace(FOREIGN, (sign) => OURS.get(sign) ?? '?'.repeat(cellWidth(sign)))

/** For sentences and tables: what is foreign stays readable as `\u{…}`. */
export const asciiText = (text: string): string =>
  text.replace(FOREIGN, (sign) => OURS.get(sign) ?? `\\u{${sign.codePointAt(0)!.toString(16)}}`)

const FOREIGN = /[^\0-\x7f]/gu

const pairs = (signs: string, ascii: string): [string, string][] =>
  Array.from(signs).map((sign, i) => [sign, ascii[i]!])

const OURS: ReadonlyMap<string, string> = new Map([
  ...pairs('▁▂▃▄▅▆▇█', '_.:-=+*#'),
  ...pairs('▏▎▍▌▋▊▉', '..::==='),
  ...pairs('░', '/'),
  ...pairs('─│┌┐└┘├┤┬┴┼╭╮╰╯╶╴', "-|+++++|+++..''--"),
  ...pairs('▸◂▾▴◆›·', '><v^*>|'),
  ...pairs('←→↑↓', '<>^v'),
  ...pairs('–—−…×≈✓✗µμ', '---~x~+xuu'),
  ['±', '+-'],
  ['√', 'sqrt'],
])
