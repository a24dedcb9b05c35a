/** Words of a command line that somebody is to paste: a name out of a folder or a file is a word there, whatever is in it. */

/** As a shell reads it back. A leading `=` is a path to zsh. */
export function quoted(word: string): string {
  if (/^(?!=)[\w@%+=:,./-]+$/.test(word)) return word
  return UNPRINTABLE.test(word) ? escaped(word) : `'${word.replaceAll("'", `'\\''`)}'`
}

/** The name of a file: one that begins with a dash is no option. */
export const quotedFile = (file: string): string =>
  quoted(file.startsWith('-') && file !== '-' ? `./${file}` : file)

/** What is shown as something else, so that nobody could paste it: see visible() of render/text.ts. */
const UNPRINTABLE =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}\p{Regional_Indicator}\u20e3]/u

/** $'…' of bash, zsh, ksh and POSIX 2024: all but plain ASCII as bytes, in octal, of which no shell reads more than three digits. */
const escaped = (word: string): string =>
  `$'${Array.from(Buffer.from(word), (byte) => {
    const sign = String.fromCharCode(byte)
    return /[\w@%+=:,./ -]/.test(sign) ? sign : `\\${byte.toString(8).padStart(3, '0')}`
  }).join('')}'`
