/** bpf/helper/statements.c and upstreams.c on the host, with sanitizers, on texts: no root, no nginx. bpf/upstreams.c prints what they find. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Chance } from '../fuzz/chance.ts'
import { lacking, ROOT, sh } from './lab/system.ts'

/** What a configuration is about: its text, and its upstreams as bpf/upstreams.c prints them. */
type Case = readonly [what: string, text: string | readonly string[], upstreams: readonly string[]]

const http = (text: string): string => `events {} http { server { location / { ${text} } } }`

const CASES: readonly Case[] = [
  [
    'every directive, with the kind of its traffic',
    http(`proxy_pass http://10.0.0.1:80/a; proxy_pass https://10.0.0.2; grpc_pass 10.0.0.3:50051; grpc_pass grpc://[::1]:1;
      grpc_pass grpcs://10.0.0.4; fastcgi_pass 10.0.0.5:9000; uwsgi_pass 10.0.0.6:3031; uwsgi_pass suwsgi://10.0.0.6;
      scgi_pass 10.0.0.7:4000; memcached_pass 10.0.0.8:11211; redis_pass 10.0.0.9:6379; proxy_pass_header Server;
      proxy_cache_bypass $x; fastcgi_pass_request_body off; HTTP_pass;`),
    [
      'proxy_pass http://10.0.0.1:80: http tcp',
      'proxy_pass https://10.0.0.2: tls tcp',
      'grpc_pass 10.0.0.3:50051: h2 tcp',
      'grpc_pass grpc://[::1]:1: h2 tcp',
      'grpc_pass grpcs://10.0.0.4: tls tcp',
      'fastcgi_pass 10.0.0.5:9000: fastcgi tcp',
      'uwsgi_pass 10.0.0.6:3031: uwsgi tcp',
      'uwsgi_pass suwsgi://10.0.0.6: tls tcp',
      'scgi_pass 10.0.0.7:4000: scgi tcp',
      'memcached_pass 10.0.0.8:11211: memcached tcp',
      'redis_pass 10.0.0.9:6379: other tcp',
    ],
  ],
  [
    'unix sockets, with and without a URI or a variable',
    http(`proxy_pass http://unix:/run/a.sock:/uri; proxy_pass https://unix:/run/b.sock; fastcgi_pass unix:/run/php.sock;
      proxy_pass http://unix:/run/$name.sock; grpc_pass grpc://unix:/run/g.sock; fastcgi_pass "UNIX:/run/c.sock";`),
    [
      'proxy_pass http://unix:/run/a.sock: http unix',
      'proxy_pass https://unix:/run/b.sock: tls unix',
      'fastcgi_pass unix:/run/php.sock: fastcgi unix',
      'proxy_pass http://unix:/run/$name.sock: http unix',
      'grpc_pass grpc://unix:/run/g.sock: h2 unix',
      'fastcgi_pass UNIX:/run/c.sock: fastcgi unix',
    ],
  ],
  [
    'variables: in the host they are known at run time only, in the URI they change nothing',
    http(`proxy_pass http://$host; proxy_pass http://app/$request_uri; proxy_pass $target; proxy_pass \${target}/x; fastcgi_pass $php;
      proxy_pass https://$name.example:443; proxy_pass $scheme://10.0.0.1; grpc_pass $grpc;`),
    [
      'proxy_pass http://$host: http runtime',
      'proxy_pass http://app: http tcp',
      'proxy_pass $target: unknown runtime',
      'proxy_pass ${target}: unknown runtime',
      'fastcgi_pass $php: fastcgi runtime',
      'proxy_pass https://$name.example:443: tls runtime',
      'proxy_pass $scheme://10.0.0.1: unknown tcp',
      'grpc_pass $grpc: unknown runtime',
    ],
  ],
  [
    'upstream blocks, wherever they stand: mixed servers are one line per place, with the first servers named',
    `http { server { proxy_pass http://mixed/a; proxy_pass https://MIXED; fastcgi_pass none; proxy_pass http://lua; proxy_pass http://mixed:80; }
      upstream mixed { zone z 64k; server unix:/run/a.sock backup; server 10.0.0.1 weight=2; server a.example resolve;
        server 10.0.0.2; server 10.0.0.3; keepalive 8; }
      upstream none { zone z 64k; }
      upstream lua { server 0.0.0.1; balancer_by_lua_block { set(x) } } }`,
    [
      'proxy_pass http://mixed: http tcp of 10.0.0.1, a.example, 10.0.0.2 and 1',
      'proxy_pass http://mixed: http unix of unix:/run/a.sock',
      'proxy_pass https://MIXED: tls tcp of 10.0.0.1, a.example, 10.0.0.2 and 1',
      'proxy_pass https://MIXED: tls unix of unix:/run/a.sock',
      'fastcgi_pass none: fastcgi runtime',
      'proxy_pass http://lua: http runtime',
      'proxy_pass http://mixed:80: http tcp',
    ],
  ],
  [
    'streams, whose settings may come later or from around, and whose upstream blocks are their own',
    `http { upstream app { server 10.0.0.1; } server { proxy_pass http://app; } }
      stream { upstream app { server unix:/run/db.sock; } proxy_ssl on;
        server { listen 1; proxy_pass app; proxy_ssl off; } server { proxy_pass 10.0.0.2:1; listen 2; }
        server { listen 3; proxy_pass 10.0.0.3:1; proxy_protocol on; proxy_ssl off; }
        server { listen 53 udp; proxy_pass 10.0.0.4:53; proxy_ssl off; }
        server { listen 54 udp; listen 54; proxy_pass 10.0.0.5:53; proxy_ssl off; } }`,
    [
      'proxy_pass http://app: http tcp of 10.0.0.1',
      'proxy_pass app: stream unix of unix:/run/db.sock',
      'proxy_pass 10.0.0.2:1: tls tcp',
      'proxy_pass 10.0.0.3:1: proxy_protocol tcp',
      'proxy_pass 10.0.0.4:53: stream udp',
      'proxy_pass 10.0.0.5:53: stream tcp',
    ],
  ],
  [
    'HTTP/2 by proxy_pass, set around it',
    'http { server { proxy_http_version 2; location /a { proxy_pass http://a; } location /b { proxy_http_version 1.1; proxy_pass http://b; } } }',
    ['proxy_pass http://a: h2 tcp', 'proxy_pass http://b: http tcp'],
  ],
  [
    'comments, quotes and escapes',
    http(`# proxy_pass http://commented;
      proxy_pass "http://quoted/a b;{}#"; proxy_pass 'http://single'; proxy_pass http://a#b;#proxy_pass http://c;
      add_header X "proxy_pass http://in-a-string;"; return 200 'it\\'s } { ; proxy_pass http://escaped;';
      if ($x ~ "a{2}}") { proxy_pass\thttp://in-if\n; } set $y \${x}z; proxy_pass http://after;`),
    [
      'proxy_pass http://quoted: http tcp',
      'proxy_pass http://single: http tcp',
      'proxy_pass http://a#b: http tcp',
      'proxy_pass http://in-if: http tcp',
      'proxy_pass http://after: http tcp',
    ],
  ],
  [
    'maps and other data, which hold no directives',
    `http { map $host $target { default http://a; proxy_pass http://no; include more.map; hostnames; } geo $x { default 1; server unix:/no; }
      types { text/html html; proxy_pass x; } split_clients $a $b { 50% x; fastcgi_pass y; } server { proxy_pass http://yes; } }`,
    ['proxy_pass http://yes: http tcp'],
  ],
  [
    'blocks of Lua, whatever braces and quotes they have',
    http(`content_by_lua_block { local s = "}" .. '\\'}' .. [[ ]} ]=] } ]] .. [=[ ]] } ]=] -- }
      --[[ } ]] if x then t = { a = { 1 } } end proxy_pass = "http://no"; ngx.say('proxy_pass http://no;') }
      rewrite_by_lua 'proxy_pass("http://no"); -- {'; proxy_pass http://yes;`),
    ['proxy_pass http://yes: http tcp'],
  ],
  [
    'included files: what they say belongs to the block around, and they close none of it',
    [
      'http { include upstreams; server { include location; proxy_pass http://last; } }',
      'upstream a { include servers; } upstream open { server 10.0.0.9;',
      'server 10.0.0.1; server unix:/a;',
      '} } location / { proxy_pass http://a; } }',
    ],
    [
      'proxy_pass http://a: http tcp of 10.0.0.1',
      'proxy_pass http://a: http unix of unix:/a',
      'proxy_pass http://last: http tcp',
    ],
  ],
  [
    'the same target many times is one, and what finds no room is counted',
    http(
      Array.from(
        { length: 300 },
        (_, n) => `proxy_pass http://10.0.0.1/${n}; fastcgi_pass 10.0.0.2:${n};`,
      ).join(''),
    ),
    [
      'proxy_pass http://10.0.0.1: http tcp',
      ...Array.from({ length: 255 }, (_, n) => `fastcgi_pass 10.0.0.2:${n}: fastcgi tcp`),
      '45 left out',
    ],
  ],
]

const HOSTS = `127.0.0.1 localhost # 10.9.9.9 commented
10.0.1.1\tapp.example www.app.example
fd00::9 APP.example
bad app.example
::ffff:10.0.1.3 mapped`

/** A configuration, a hosts file, and the names of addresses: `-` before one that nginx does not connect to. */
const NAMES: readonly (readonly [what: string, text: string, hosts: string, names: readonly string[]])[] = [
  [
    'of blocks, with every form of a server, and of every block that has an address',
    `http { upstream api { server 10.0.0.1:8080 weight=2; server 10.0.0.2; server [fd00::1]:81 backup; server 127.1:82 down;
        server unix:/run/a.sock; server [::ffff:10.0.0.3]:83 max_fails=0; server 0.0.0.0:84; server [::]:85; server 10.0.0.9:99999; }
      upstream WEB { server 10.0.0.1:8080; zone z 64k; } server { proxy_pass http://web; grpc_pass grpc://api; fastcgi_pass 10.0.0.8:9000; } }
      stream { upstream db { server 10.0.0.5:5432; server 10.0.0.1:8080; } server { listen 1; proxy_pass db; } }`,
    '',
    [
      '10.0.0.1:8080: WEB, api, db',
      '10.0.0.2:80: api',
      '[fd00::1]:81: api',
      '127.0.0.1:82: api',
      '10.0.0.3:83: api',
      '127.0.0.1:84: api',
      '[::1]:85: api',
      '10.0.0.8:9000: none',
      '10.0.0.5:5432: db',
      '10.0.0.1:8081: none',
      '-10.0.0.1:8080: WEB, api, db',
    ],
  ],
  [
    "of hosts that the hosts file has, with the directive's port",
    `http { upstream api { server localhost:9001; server mapped:9002; }
      server { proxy_pass http://app.example/a; proxy_pass https://App.Example; grpc_pass grpcs://app.example; grpc_pass app.example:50051;
        proxy_pass http://api; fastcgi_pass www.app.example:9000; } }
      stream { server { listen 1; proxy_pass app.example:5432; } }`,
    HOSTS,
    [
      '127.0.0.1:9001: api',
      '10.0.1.3:9002: api',
      '10.0.1.1:80: app.example',
      '[fd00::9]:80: app.example',
      '10.0.1.1:443: App.Example',
      '10.0.1.1:50051: app.example',
      '[fd00::9]:5432: app.example',
      '10.0.1.1:9000: www.app.example',
      '10.9.9.9:80: none',
    ],
  ],
  [
    'by elimination: the only host with a port, with all of its names',
    `http { upstream api { server one.example:81; server 10.0.0.7:83; } upstream both { server one.example:81; }
      server { proxy_pass http://api; proxy_pass http://both; proxy_pass http://two.example:82; proxy_pass http://three.example:83;
        proxy_pass http://four.example:83; } }`,
    '',
    [
      '10.5.0.1:81: api, both',
      '-10.5.0.1:81: unknown',
      '10.5.0.1:82: two.example',
      '10.5.0.1:83: unknown',
      '10.0.0.7:83: api',
      '10.5.0.1:84: none',
    ],
  ],
  [
    'a variable: another address may be any, what the texts have is known',
    `http { upstream api { server 10.0.0.1:81; server one.example:82; } map $x $pool { default api; }
      server { proxy_pass http://$pool; location /b { fastcgi_pass $php; } } }`,
    '',
    [
      '10.0.0.1:81: api',
      '10.5.0.1:82: unknown',
      '10.5.0.1:84: unknown',
      '2 at run time: proxy_pass http://$pool',
    ],
  ],
  [
    'what is resolved with each request is not in the hosts file, unless another directive resolves it',
    `http { upstream later { server app.example:81 resolve; zone z 64k; }
      server { proxy_pass http://later; proxy_pass http://app.example:82/$uri; proxy_pass http://app.example:83/$uri;
        location /b { proxy_pass http://app.example:83/; } } }`,
    HOSTS,
    [
      '10.0.1.1:81: later',
      '10.7.7.7:81: later',
      '10.7.7.7:82: app.example',
      '10.0.1.1:83: app.example',
      '10.7.7.7:83: none',
    ],
  ],
  [
    'what no text has: Lua, services, schemes by variables, scripts, responders',
    `http { upstream lua { server 0.0.0.1; balancer_by_lua_block { set(x) } } upstream srv { server a.example service=http resolve; }
      upstream empty { zone z 64k; } init_by_lua_file x; ssl_stapling on; resolver 10.0.0.53 valid=30s;
      server { proxy_pass $scheme://b.example; proxy_pass http://lua; proxy_pass http://empty; proxy_pass http://srv; } }`,
    '',
    ['0.0.0.1:80: unknown', '10.0.0.53:53: unknown', '5 at run time: init_by_lua_file'],
  ],
  [
    "a certificate's responder may have port 80, a resolver port 53",
    `http { ssl_stapling on; resolver 10.0.0.53; server { proxy_pass http://a.example; proxy_pass http://b.example:81; } }`,
    '',
    ['10.5.0.1:80: unknown', '10.5.0.1:81: b.example', '10.5.0.1:53: unknown', '10.5.0.1:82: none'],
  ],
  [
    'UDP is nothing that is recorded',
    `stream { upstream dns { server 10.0.0.1:53; server a.example:53; } server { listen 53 udp; proxy_pass dns; }
      upstream both { server 10.0.0.2:54; } server { listen 54 udp; proxy_pass both; } server { listen 54; proxy_pass both; } }`,
    '',
    ['10.0.0.1:53: none', '10.5.0.1:53: none', '10.0.0.2:54: both'],
  ],
  [
    'more than there is room for is counted, and nothing is told by elimination any more',
    `http { upstream many { ${Array.from({ length: 8200 }, (_, n) => `server 10.1.${n >> 8}.${n & 255};`).join('')} }
      server { proxy_pass http://a.example:81; } }`,
    '',
    ['10.1.0.0:80: many', '10.1.31.255:80: many', '10.5.0.1:81: unknown', '8 left out'],
  ],
]

/** The characters that have a meaning. */
const DAMAGE = '{};\'"\\$#[]=- \n\x01'

describe('the upstreams of a configuration', { skip: lacking('cc') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-upstreams-'))
  const program = join(folder, 'upstreams')
  before(async () => {
    const parts = ['statements.c', 'upstreams.c', 'upstream-lists.c', 'names.c'].map(
      (name) => `bpf/helper/${name}`,
    )
    const sources = ['test/kernel/bpf/upstreams.c', ...parts]
    const flags = ['-g', '-O1', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fno-sanitize-recover']
    flags.push(`-I${join(ROOT, 'bpf')}`)
    await sh(
      'cc',
      ...flags,
      '-fsanitize=address,undefined',
      ...sources.map((name) => join(ROOT, name)),
      '-o',
      program,
    )
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** One list of lines per configuration. */
  function upstreamsOf(
    texts: readonly (string | readonly string[])[],
    args: readonly string[] = [],
  ): readonly (readonly string[])[] {
    const input = texts.map((text) => (typeof text === 'string' ? text : text.join('\x01'))).join('\0')
    const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stdout
      .split('\0')
      .slice(0, -1)
      .map((lines) => lines.split('\n').filter((line) => line !== ''))
  }

  for (const [what, text, upstreams] of CASES)
    test(what, () => assert.deepEqual(upstreamsOf([text])[0], upstreams))

  for (const [what, text, hosts, names] of NAMES)
    test(`names: ${what}`, () => {
      const addresses = names.map((line) => line.replace(/: .*/, '')).filter((word) => /\d$/.test(word))
      assert.deepEqual(upstreamsOf([text], [hosts, ...addresses])[0], names)
    })

  test('names: the same address in two network namespaces; what is not known in one says nothing of the other', () => {
    const addresses = ['127.0.0.1:9001@1', '127.0.0.1:9001@2', '10.5.0.1:81@1', '10.5.0.1:81@2']
    const texts = [
      'http { upstream a { server 127.0.0.1:9001; server one.example:81; } server { proxy_pass $x; } }',
      'http { upstream b { server 127.0.0.1:9001; server two.example:81; } server { proxy_pass http://b; } }',
    ]
    assert.deepEqual(upstreamsOf(texts, ['', ...addresses])[1], [
      '127.0.0.1:9001@1: a',
      '127.0.0.1:9001@2: b',
      '10.5.0.1:81@1: unknown',
      '10.5.0.1:81@2: b',
      '1 at run time: proxy_pass $x',
    ])
  })

  test('damaged texts read nothing behind their end and leave nothing allocated', () => {
    const whole = CASES.map(([, text]) => text).slice(0, -1)
    const damaged = Array.from({ length: 3000 }, (_, number) => {
      const chance = new Chance(7, number)
      const text = Buffer.from([chance.pick(whole)].flat().join('\x01'))
      const cut = text.subarray(0, chance.between(0, text.length))
      for (let n = chance.below(4); n > 0 && cut.length > 0; n--)
        cut[chance.below(cut.length)] = DAMAGE.charCodeAt(chance.below(DAMAGE.length))
      return cut.toString('latin1')
    })
    assert.equal(upstreamsOf(damaged).length, damaged.length)
    assert.equal(upstreamsOf(damaged, [HOSTS, '10.0.0.1:80']).length, damaged.length)
  })
})
