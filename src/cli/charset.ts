/** Whether text for people must be ASCII: `--ascii`, or a terminal whose locale cannot show anything else. */

/** `--ascii` counts before the command line is parsed, so that errors about it are ASCII too. */
export const asksForAscii = (args: readonly string[]): boolean => {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).includes('--ascii')
}

/**
 * The locale's character set, as setlocale finds it. Without any of the variables, as in containers and services, it is UTF-8: what is
 * set to C or to ISO-8859-1 was meant. A pipe and a file get the same bytes everywhere.
 */
export function cannotShowBlocks(
  { isTTY }: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '')
  return isTTY === true && locale !== undefined && !/utf-?8/i.test(locale)
}
