/** Words of a command line that somebody is to paste: a name out of a folder or a file is a word there, whatever is in it. */
import { visible } from './render/text.ts'

/** As a shell reads it back, and as a terminal shows it. A leading `=` is a path to zsh. */
export function quoted(word: string): string {
  if (/^(?!=)[\w@%+=:,./-]+$/.test(word)) return word
  return visible(word) === word ? `'${word.replaceAll("'", `'\\''`)}'` : `$'${escaped(word)}'`
}

/** The name of a file: one that begins with a dash is no option. */
export const quotedFile = (file: string): string =>
  quoted(file.startsWith('-') && file !== '-' ? `./${file}` : file)

/** For $'…' of bash, zsh, ksh and POSIX 2024: in octal, of which no shell reads more than three digits. */
const escaped = (word: string): string =>
  Buffer.from(word)
    .toString('latin1')
    .replace(/[^ -~]|['\\!]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
