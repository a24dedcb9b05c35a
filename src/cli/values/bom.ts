/** `--bom`, of the commands that write CSV. */
import { Option } from 'commander'
import { usageError } from '../../errors.ts'

export const bomOption = (): Option =>
  new Option('--bom', 'begin CSV with a byte order mark, by which Excel knows UTF-8')

/** @throws UserError for another format, whose readers may not know the mark */
export function checkBom(bom: boolean | undefined, format: string): void {
  if (bom === true && format !== 'csv')
    throw usageError(`--bom is for CSV, and the format is "${format}"`, 'Add --format csv, or leave --bom.')
}
