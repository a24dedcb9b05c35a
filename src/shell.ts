/** Quotes names for a command line that the user can paste: any name of a folder or file is exactly one word. */
import { visible } from './render/text.ts'

/** The shell reads it back unchanged, and it has no control characters. zsh would expand a leading `=` to a path. */
export function quoted(word: string): string {
  if (/^(?!=)[\w@%+=:,./-]+$/.test(word)) return word
  return visible(word) === word ? `'${word.replaceAll("'", `'\\''`)}'` : `$'${escaped(word)}'`
}

/** Quotes the name of a file, so that a leading dash does not make it an option. */
export const quotedFile = (file: string): string =>
  quoted(file.startsWith('-') && file !== '-' ? `./${file}` : file)

/** For $'…' of bash, zsh, ksh and POSIX 2024: octal, because all shells read at most three octal digits. Browsers run it, too: no Buffer. */
const escaped = (word: string): string =>
  Array.from(new TextEncoder().encode(word), (byte) => String.fromCharCode(byte))
    .join('')
    .replace(/[^ -~]|['\\!]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
