import { base64, head, latin1Mail, mail, noise, type Recipes } from './mail.ts';

const repeat = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** Single bodies: charsets, transfer encodings, and lines that trip up transports. */
export const bodies: Recipes = {
  'body-plain-ascii': mail`
${head('Daily totals', 1)}
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

Hello Alex,

the totals for Sunday are 1,204 items and 88 returns.

Regards
Reports
`,
  'body-utf8-8bit': mail`
${head('Tagesabschluss', 2)}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Köln: 1.204 Stück zu 88 €.
日本語の行、кириллица, עברית, العربية, 🚚📦.
Zero-width: [​] soft hyphen: [­] BOM: [﻿]
`,
  'body-latin1-8bit': latin1Mail`
${head('Abrechnung', 3)}
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Gr\xFC\xDFe: na\xEFve fa\xE7ade, 5 \xB5m, \xA9 Contoso.
`.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  'body-8bit-undeclared': latin1Mail`
From: reports@contoso.com
To: alex@contoso.com
Subject: no MIME fields at all
Date: Mon, 05 Jan 2026 09:04:00 +0100
Message-ID: <corpus-4@contoso.com>

Kassenbon f${'\xfc'}r Tisch 4: Kaffee 2,80 ${'\x80'}
`,
  'body-every-octet': `${mail`
${head('every octet but NUL, CR and LF', 5)}
Content-Type: application/octet-stream
Content-Transfer-Encoding: 8bit

`}${Array.from({ length: 256 }, (_, octet) => (octet === 0 || octet === 10 || octet === 13 ? '' : String.fromCharCode(octet) + (octet % 16 === 15 ? '\r\n' : ''))).join('')}`,
  'body-koi8-r': `${mail`
${head('=?koi8-r?B?8NLJ18XU?=', 6)}
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: 8bit

`}\xf0\xd2\xc9\xd7\xc5\xd4, \xcd\xc9\xd2!\r\n`,
  'body-gb18030': `${mail`
${head('=?gb18030?B?xOO6ww==?=', 7)}
Content-Type: text/plain; charset="gb18030"
Content-Transfer-Encoding: 8bit

`}\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7\r\n`,
  'body-iso-2022-jp': mail`
${head('=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=', 8)}
Content-Type: text/plain; charset=iso-2022-jp
Content-Transfer-Encoding: 7bit

${'\x1b'}$BF|K\8l${'\x1b'}(B (Japanese)
${'\x1b'}$B$3$s$K$A$O${'\x1b'}(B
`,
  'body-utf-7': mail`
${head('UTF-7, as some old ERP writes', 9)}
Content-Type: text/plain; charset=utf-7

Gr+APwA3w-e +AGA-backtick+AGA- and +ACI-quotes+ACI- 1 +- 1 = 2
`,
  'body-quoted-printable': mail`
${head('Angebot =?utf-8?Q?=E2=82=AC?=', 10)}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, der Preis ist 99 =E2=82=AC und die Zeile ist l=C3=A4nger als=
 76 Zeichen.
Trailing blank follows:=20
Tab follows:=09
=2E a dot encoded at the start
=46rom encoded at the start
lower case hex: =c3=bc, equals: 1 =3D 1
`,
  'body-quoted-printable-no-final-newline': mail`
${head('ends with a soft break', 11)}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

no line end after this word=
`,
  'body-base64': mail`
${head('text in base64', 12)}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

${base64('Grüße!\r\nZweite Zeile, ohne Zeilenende am Schluss')}
`,
  'body-base64-one-line': mail`
${head('base64 without line breaks', 13)}
Content-Type: application/octet-stream; name="dump.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="dump.bin"

${base64(noise(741, 13), 988)}
`,
  'body-base64-odd-widths': mail`
${head('base64 in lines of 3 and 60 characters with blanks', 14)}
Content-Type: application/octet-stream
Content-Transfer-Encoding: BASE64

${base64(noise(60, 14), 3)}
 ${base64(noise(300, 15), 60).replaceAll('\n', '  \n\t')}
`,
  'body-uuencoded': mail`
${head('report.bin', 15)}

begin 644 report.bin
M5&AE('%U:6-K(&)R;W=N(&9O>"!J=6UP<R!O=F5R('1H92!L87IY(&1O9RX@
#+BXN
${'`'}
end
`,
  'body-empty': mail`
${head('empty body', 16)}

`,
  'body-headers-only': mail`
${head('not even the empty line', 17)}
`,
  'body-blank-lines': mail`
${head('only blank lines', 18)}




`,
  'body-trailing-whitespace': mail`
${head('white space that must stay', 19)}

trailing blank${' '}
trailing tab${'\t'}
blank and tab${' \t'}
${'   '}
${'\t'}
two blanks at the very end${'  '}
`,
  'body-line-998': mail`
${head('a line of exactly 998 octets', 20)}

${'a'.repeat(998)}
${'.'.repeat(998)}
${'é'.repeat(499)}
end
`,
  'body-line-5000': mail`
${head('lines far beyond the limit', 21)}

${'0123456789'.repeat(500)}
.${'x'.repeat(4999)}
${'word '.repeat(4000)}
end
`,
  'body-dot-lines': mail`
${head('lines of dots', 22)}

.
..
...
a.
.a
..a
. 
.${'\t'}
 .
. .
.

.
`,
  'body-dot-first-and-last': mail`
${head('begins and ends with a dot', 23)}

.
between
.
`,
  'body-dots-everywhere': mail`
${head('every line begins with a dot', 24)}

${repeat(400, (i) => '.'.repeat((i % 5) + 1) + (i % 3 === 0 ? '' : ` line ${i}`))}
`,
  'body-smtp-lookalike': mail`
${head('SMTP in the body', 25)}

.
QUIT
MAIL FROM:<mallory@example.com>
RCPT TO:<alex@contoso.com>
DATA
${'.'.repeat(2)}
From the beginning
>From quoted already
--
${'\x0c'}form feed, vertical tab ${'\x0b'}, bell ${'\x07'}, escape ${'\x1b'}[31m, delete ${'\x7f'}
`,
  'body-format-flowed': mail`
${head('flowed text', 26)}
Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes

This paragraph was wrapped by the sender and may be ${''}
joined again by the reader, because each line but ${''}
the last ends with a blank.

> quoted once ${''}
> and flowed
 >stuffed
-- ${''}
Signature
`,
  'body-html-long-lines': mail`
${head('HTML report', 27)}
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<!DOCTYPE html><html><head><style>td{border:1px solid #ccc}</style></head><body><table>${repeat(120, (i) => `<tr><td>${i}</td><td>Größe ${i * 3}</td></tr>`).replaceAll('\n', '')}</table></body></html>
`,
  'body-many-lines': mail`
${head('ten thousand lines', 28)}

${repeat(10000, (i) => `${i}\t${(i * 7919) % 10007}`)}
`,
};
