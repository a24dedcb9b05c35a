/** bpf/kernel/parser/http.h on the host, with sanitizers: no root, no kernel. bpf/parser.c has the checks. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lacksCompiler } from './lab/compiler.ts'
import { mutantsUnlessLong, sh } from './lab/system.ts'

const SOURCE = fileURLToPath(new URL('bpf/parser.c', import.meta.url))
/** The headers that http.h includes, as one text. */
const PARSER = ['bytes.h', 'chunked.h', 'head.h', 'line.h', 'protocol.h', 'proxy.h', 'status.h']
  .map((name) =>
    readFileSync(fileURLToPath(new URL(`../../bpf/kernel/parser/${name}`, import.meta.url)), 'utf8'),
  )
  .join('')
  .replaceAll(/^#include ".*"$/gm, '')
/** For longer runs: PARSER_ROUNDS=1000000; for other inputs: PARSER_SEED=$RANDOM. */
const ROUNDS = process.env.PARSER_ROUNDS ?? '20000'
const SEED = process.env.PARSER_SEED ?? '1'

describe('the parser', { skip: lacksCompiler() }, () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-parser-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Compiles the checks with a parser and runs them. */
  async function check(header: string, rounds: string): Promise<string> {
    const source = join(folder, 'parser.c')
    const program = join(folder, 'parser')
    writeFileSync(join(folder, 'http.h'), header)
    writeFileSync(
      source,
      readFileSync(SOURCE, 'utf8').replace('../../../bpf/kernel/parser/http.h', join(folder, 'http.h')),
    )
    const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover']
    await sh('cc', '-g', '-O1', '-Wall', '-Wextra', '-Werror', ...sanitizers, source, '-o', program)
    // a bug may make it run for ever
    return sh('timeout', '60', program, SEED, rounds)
  }

  test('reads lines and heads with equal results whole, in pieces and byte by byte, and like its simple twins', async () => {
    assert.match(await check(PARSER, ROUNDS), /rounds/)
  })

  test('fails the checks with any of these bugs in it', { skip: mutantsUnlessLong }, async () => {
    for (const [right, wrong] of [
      ['l->run >= 8', 'l->run >= 7'],
      ['l->run >= 24', 'l->run >= 25'],
      ['l->uuid && l->run == 36', 'l->uuid && l->run == 35'],
      ['length > FRONT', 'length > FRONT - 24'],
      ['start + 14', 'start + 15'],
      ['w &= (stops >> 7) - 1', 'w &= stops - 1'],
      ['i * 8 + bytes_through(hits)', 'i * 8 + bytes_through(hits) - 1'],
      ["at == digits || (b != '\\r' && b != '\\n')", 'at == digits'],
      ['at == digits || ', ''],
      ['h->length > LENGTH_MAX / 10', 'h->length > LENGTH_MAX'],
      ['too_large || h->length > LENGTH_MAX ?', 'too_large ?'],
      ['h->has_length && h->length != before', '0'],
      ["name_ends == ':' &&", ''],
      ['h->lists_chunked = 1;', ''],
      [
        "b == '\\n' ? CHUNK_TRAILER : b == '\\r' ? CHUNK_TRAILER_LF",
        "b == '\\n' ? CHUNK_END : b == '\\r' ? CHUNK_TRAILER_LF",
      ],
      ['r->left > CHUNK_SIZE_MAX', 'r->left > CHUNK_SIZE_MAX * 16'],
      ["return b == '\\n' ? CHUNK_DATA : CHUNK_INVALID", 'return CHUNK_DATA'],
      ["b == '0' ? STATUS_MINOR_0 : is_digit(b)", 'is_digit(b)'],
      ["if (b == ' ')\n\t\t\treturn step;", ''],
      ['r->left = b << 8', 'r->left = b'],
      ['(b >> 6) * 9', '(b >> 6) * 8'],
      ['b[0] == 1 && b[1] == 1', 'b[0] == 1'],
      ['< length + 4', '< length + 3'],
      ['!length || b[5] ||', '!length ||'],
      ['classes[b[6 + i]] & C_TOKEN', 'classes[b[6]] & C_TOKEN'],
      ['i < 6 && digits', 'i < 2 && digits'],
      ['&& b[4] > ', '|| b[4] > '],
    ] as const) {
      const mistaken = PARSER.replace(right, wrong)
      assert.notEqual(mistaken, PARSER, `"${right}" is no longer in the parser`)
      await assert.rejects(check(mistaken, '2000'), `"${wrong}" instead of "${right}" goes unnoticed`)
    }
  })
})
