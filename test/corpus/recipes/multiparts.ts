import { base64, head, mail, noise, octets, pdf, pixelPng, type Recipes } from './mail.ts';

const twenty = Array.from(
  { length: 20 },
  (_, i) => `--twenty
Content-Type: ${['application/pdf', 'image/png', 'text/csv', 'application/zip'][i % 4]}; name="file-${i}.dat"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="file-${i}.dat"

${base64(noise(500 + i * 211, i + 20))}
`,
).join('');

/** 1 MiB in which rows repeat, as in a scanned page, so that the repository stays small. */
const page = Buffer.concat(Array.from({ length: 256 }, (_, row) => Buffer.alloc(4096, noise(64, 1 + (row % 16)))));

/** Messages with several parts. */
export const multiparts: Recipes = {
  'multipart-alternative': mail`
${head('text and HTML', 200)}
Content-Type: multipart/alternative; boundary="alt"

--alt
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße als Text
--alt
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p style=3D"color:#333">Gr=C3=BC=C3=9Fe als <b>HTML</b></p>
--alt--
`,
  'multipart-four-deep': mail`
${head('mixed, related, alternative, mixed', 201)}
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/related; boundary=ab; type="multipart/alternative"

--ab
Content-Type: multipart/alternative; boundary=abc

--abc
Content-Type: text/plain

four deep
--abc
Content-Type: multipart/mixed; boundary=abcd

--abcd
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>vier Ebenen tief – <img src="cid:px@contoso.com"></p>
--abcd
Content-Type: text/csv; charset=utf-8

a;b;c
1;2;3
--abcd--
--abc--
--ab
Content-Type: image/png
Content-ID: <px@contoso.com>
Content-Transfer-Encoding: base64

${base64(pixelPng)}
--ab--

--a
Content-Type: text/plain; name=last.txt
Content-Disposition: attachment; filename=last.txt

last
--a--
`,
  'multipart-preamble-epilogue': mail`
${head('text before, between and behind', 202)}
Content-Type: multipart/mixed; boundary="pre"

This is the preamble. A line that looks like a boundary:
--pr
-- pre
and one that is longer:
.
--pre
Content-Type: text/plain

body
--pre  ${'\t'}
Content-Type: text/plain

blanks behind the boundary
--pre--
This is the epilogue.
.

--pre
Content-Type: text/plain

not a part any more
`,
  'multipart-unusual-boundary': mail`
${head('a boundary of odd characters', 203)}
Content-Type: multipart/mixed;
	boundary="'()+_,-./:=? (70 characters in all) 0123456789abcdefghijklmnopqrstuvw"

--'()+_,-./:=? (70 characters in all) 0123456789abcdefghijklmnopqrstuvw
Content-Type: text/plain

one
--'()+_,-./:=? (70 characters in all) 0123456789abcdefghijklmnopqrstuvw
Content-Type: text/plain

--'()+_,-./:=? (70 characters in all)
two
--'()+_,-./:=? (70 characters in all) 0123456789abcdefghijklmnopqrstuvw--
`,
  'multipart-dot-boundary': mail`
${head('a boundary line that begins with dots in the text', 204)}
Content-Type: multipart/mixed; boundary=".."

--..
Content-Type: text/plain

..
.--..
--..--
`,
  'multipart-unclosed': mail`
${head('the closing boundary is missing', 205)}
Content-Type: multipart/mixed; boundary="open"

--open
Content-Type: text/plain

cut short by a device that ran out of memory
--open
Content-Type: application/pdf
Content-Transfer-Encoding: base64

${base64(pdf(100)).slice(0, 150)}
`,
  'multipart-empty-parts': mail`
${head('parts without header or body', 206)}
Content-Type: multipart/mixed; boundary="e"

--e

--e
Content-Type: text/plain

--e

no header, implicit text/plain
--e--
`,
  'multipart-inline-images': mail`
${head('logo inside', 207)}
Content-Type: multipart/related; boundary="rel"; type="text/html"; start="<root@contoso.com>"

--rel
Content-Type: text/html; charset=us-ascii
Content-ID: <root@contoso.com>

<html><body><img src="cid:logo.1@contoso.com"><img src="cid:logo%202@contoso.com"></body></html>
--rel
Content-Type: image/png; name="logo.png"
Content-ID: <logo.1@contoso.com>
Content-Disposition: inline; filename="logo.png"
Content-Transfer-Encoding: base64

${base64(pixelPng)}
--rel
Content-Type: image/gif
Content-ID: <logo 2@contoso.com>
Content-Location: https://contoso.com/logo.gif
Content-Disposition: inline
Content-Transfer-Encoding: base64

R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
--rel--
`,
  'attachments-twenty': octets(`${head('twenty attachments', 208)}
Content-Type: multipart/mixed; boundary="twenty"

--twenty
Content-Type: text/plain

twenty files
${twenty}--twenty--
`),
  'attachments-rfc2231-names': mail`
${head('names in RFC 2231, RFC 2047 and raw', 209)}
Content-Type: multipart/mixed; boundary="names"

--names
Content-Type: application/pdf;
 name*0*=UTF-8''%47%72%C3%BC%C3%9F%65%20;
 name*1*=aus%20;
 name*2="K\"oeln.pdf"
Content-Disposition: attachment;
 filename*=utf-8'de'Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.pdf;
 filename="Gruesse aus Koeln.pdf"; size=3
Content-Transfer-Encoding: base64

${base64('%PDF')}
--names
Content-Type: text/csv; name="=?utf-8?B?VW1zw6R0emUuY3N2?="
Content-Disposition: attachment; filename="=?utf-8?Q?Ums=C3=A4tze.csv?="

a;b
--names
Content-Type: text/plain; name="Übersicht; Januar.txt"
Content-Disposition: attachment; filename="Übersicht; Januar.txt"

raw UTF-8 in the name
--names
Content-Type: application/octet-stream
Content-Disposition: attachment; filename=unquoted name with blanks.bin
Content-Transfer-Encoding: base64

AAEC
--names
Content-Type: text/plain
Content-Disposition: attachment; filename="..\\..\\windows\\evil.txt"

a path in the name
--names--
`,
  'attachment-zero-bytes': mail`
${head('an empty file', 210)}
Content-Type: multipart/mixed; boundary="zero"

--zero
Content-Type: text/plain

the log is empty
--zero
Content-Type: text/plain; name="empty.log"
Content-Disposition: attachment; filename="empty.log"
Content-Transfer-Encoding: base64

--zero
Content-Type: application/octet-stream; name="empty2.bin"
Content-Disposition: attachment; filename="empty2.bin"
Content-Transfer-Encoding: base64


--zero--
`,
  'attachment-1-mebibyte': octets(`${head('a scanned page', 211)}
Content-Type: multipart/mixed; boundary="mebi"

--mebi
Content-Type: text/plain

1 MiB follows
--mebi
Content-Type: image/tiff; name="page.tif"
Content-Disposition: attachment; filename="page.tif"
Content-Transfer-Encoding: base64

${base64(page)}
--mebi--
`),
  'attachment-8bit-text': mail`
${head('a file in 8bit', 212)}
Content-Type: multipart/mixed; boundary="eight"

--eight
Content-Type: text/csv; charset=utf-8; name="stock.csv"
Content-Disposition: attachment; filename="stock.csv"
Content-Transfer-Encoding: 8bit

Artikel;Größe;Preis
Jäckchen;38;49,90 €
.5 Liter Flasche;—;1,20 €
--eight--
`,
  'attachment-winmail-dat': mail`
${head('TNEF', 213)}
X-MS-TNEF-Correlator: <corpus-213@contoso.com>
Content-Type: multipart/mixed; boundary="tnef"

--tnef
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Sent by an old Outlook=20
--tnef
Content-Type: application/ms-tnef; name="winmail.dat"
Content-Transfer-Encoding: base64

${base64(Buffer.concat([Buffer.from('789f3e22', 'hex'), noise(700, 213)]))}
--tnef--
`,
  'forwarded-nested': mail`
${head('Fwd: Fwd: Order 4711', 214)}
Content-Type: multipart/mixed; boundary="fwd"

--fwd
Content-Type: text/plain

see below
--fwd
Content-Type: message/rfc822
Content-Disposition: attachment; filename="Fwd Order 4711.eml"

From: Megan Bowen <megan@contoso.com>
To: reports@contoso.com
Bcc: hidden@contoso.com
Subject: Fwd: Order 4711
Message-ID: <inner-1@contoso.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="fwd2"

--fwd2
Content-Type: message/rfc822

From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.com>
To: megan@contoso.com
Subject: Order 4711
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Bitte 20 Stück.
.
--fwd2--

--fwd--
`,
  'report-delivery-status': mail`
${head('Undelivered Mail Returned to Sender', 215)}
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4F2A51C0.1767604020/mail.contoso.com"

This is a MIME-encapsulated message.

--4F2A51C0.1767604020/mail.contoso.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<nobody@example.com>: host mx.example.com[192.0.2.25] said: 550 5.1.1
    User unknown (in reply to RCPT TO command)

--4F2A51C0.1767604020/mail.contoso.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.contoso.com
Arrival-Date: Mon,  5 Jan 2026 10:15:00 +0100 (CET)

Final-Recipient: rfc822; nobody@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--4F2A51C0.1767604020/mail.contoso.com
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: reports@contoso.com
To: nobody@example.com
Subject: hello

--4F2A51C0.1767604020/mail.contoso.com--
`,
  'report-disposition': mail`
${head('Read: hello', 216)}
Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"

--mdn
Content-Type: text/plain

Your message was displayed.
--mdn
Content-Type: message/disposition-notification

Reporting-UA: reader.contoso.com; Reader 1.0
Final-Recipient: rfc822;reports@contoso.com
Original-Message-ID: <corpus-1@contoso.com>
Disposition: manual-action/MDN-sent-manually; displayed

--mdn--
`,
};
