import { describe, expect, it } from 'vitest';
import { surveyMessage } from '../../../src/graph/json/form.ts';
import { opener } from '../send-json-world.ts';

/** A message with these lines; `boundary` is `b` for the outer multipart, `c` and `d` for those inside. */
function survey(text: string) {
  const octets = Buffer.from(text.replaceAll('\n', '\r\n'));
  return surveyMessage(opener(octets), octets.length);
}

/** The result for a message, on one line. */
async function outline(text: string): Promise<string> {
  const form = await survey(text);
  if (form.jsonForm === 'lossy') return `lossy: ${form.reason}`;
  const files = form.attachments.map(
    ({ name, contentType, contentId, isInline, octets }) =>
      `${name} ${contentType} ${octets}${contentId === undefined ? '' : ` <${contentId}>`}${isInline ? ' inline' : ''}`,
  );
  return [`${form.body.contentType} ${JSON.stringify(form.body.content)}`, ...files].join(' + ');
}

const multi = (type: string, boundary: string, ...parts: readonly string[]) =>
  `Content-Type: multipart/${type}; boundary=${boundary}\n\n${parts.map((part) => `--${boundary}\n${part}\n`).join('')}--${boundary}--`;
const plain = 'Content-Type: text/plain\n\ntext';
const html = 'Content-Type: text/html\n\n<p>html';
const file = 'Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\n%PDF';
const picture = 'Content-Type: image/png\nContent-ID: <p1@x>\n\nPNG';
const withPicture = 'Content-Type: text/html\n\n<img src="cid:p1@x">';

describe('Carried unchanged', () => {
  it.each([
    ['an empty message', '', 'text ""'],
    ['a header alone', 'Subject: x\n', 'text ""'],
    ['no MIME at all', 'Subject: x\n\nhello\n', 'text "hello\\r\\n"'],
    ['a text', plain, 'text "text"'],
    ['HTML', html, 'html "<p>html"'],
    ['HTML beside its plain text', multi('alternative', 'b', plain, html), 'html "<p>html"'],
    ['alternatives in the wrong order', multi('alternative', 'b', html, plain), 'html "<p>html"'],
    ['one alternative', multi('alternative', 'b', plain), 'text "text"'],
    [
      'a text and files',
      multi('mixed', 'b', plain, file, file),
      'text "text" + a.pdf application/pdf 4 + a.pdf application/pdf 4',
    ],
    ['a file before the text', multi('mixed', 'b', file, plain), 'text "text" + a.pdf application/pdf 4'],
    [
      'texts after the file',
      multi('mixed', 'b', plain, file, plain, html),
      'text "text" + a.pdf application/pdf 4 + ATT00002.txt text/plain 4 + ATT00003.htm text/html 7',
    ],
    [
      'a text that is a file',
      multi('mixed', 'b', plain, 'Content-Type: text/plain; name=log.txt\n\nlog'),
      'text "text" + log.txt text/plain 3',
    ],
    ['no text, a file', multi('mixed', 'b', file), 'text "" + a.pdf application/pdf 4'],
    ['a file alone', file, 'text "" + a.pdf application/pdf 4'],
    ['a scan without a name', 'Content-Type: image/tiff\n\nII', 'text "" + ATT00001.tif image/tiff 2'],
    [
      'a picture in HTML',
      multi('related', 'b', withPicture, picture),
      'html "<img src=\\"cid:p1@x\\">" + ATT00001.png image/png 3 <p1@x> inline',
    ],
    [
      'a picture shown by its escaped Content-ID',
      multi('related', 'b', 'Content-Type: text/html\n\n<img src=CID:p%31$@x>', picture.replace('p1', 'p1$')),
      'html "<img src=CID:p%31$@x>" + ATT00001.png image/png 3 <p1$@x> inline',
    ],
    [
      'a picture whose Content-ID begins that of another one',
      multi('related', 'b', 'Content-Type: text/html\n\n<img src="cid:p1@x.example">', picture),
      'html "<img src=\\"cid:p1@x.example\\">" + ATT00001.png image/png 3 <p1@x>',
    ],
    [
      'a picture that no HTML shows',
      multi('related', 'b', html, picture),
      'html "<p>html" + ATT00001.png image/png 3 <p1@x>',
    ],
    [
      'related inside alternative inside mixed',
      multi('mixed', 'b', multi('alternative', 'c', plain, multi('related', 'd', withPicture, picture)), file),
      'html "<img src=\\"cid:p1@x\\">" + ATT00001.png image/png 3 <p1@x> inline + a.pdf application/pdf 4',
    ],
    [
      'mixed inside alternative',
      multi('alternative', 'b', plain, multi('mixed', 'c', html, file)),
      'html "<p>html" + a.pdf application/pdf 4',
    ],
    [
      'a root of its own choice',
      multi('related; start="<r@x>"', 'b', picture, `Content-ID: <r@x>\n${withPicture}`),
      'html "<img src=\\"cid:p1@x\\">" + ATT00001.png image/png 3 <p1@x> inline',
    ],
    [
      'a forwarded message, octet by octet',
      multi('mixed', 'b', plain, `Content-Type: message/rfc822\n\nSubject: y\n\n${multi('signed', 'c', plain)}`),
      'text "text" + ATT00001.eml message/rfc822 104',
    ],
    [
      'a calendar file',
      multi('mixed', 'b', plain, 'Content-Type: text/calendar; name=x.ics\n\nBEGIN'),
      'text "text" + x.ics text/calendar 5',
    ],
    [
      'a detached signature of a file',
      multi('mixed', 'b', plain, 'Content-Type: application/pkcs7-signature; name=a.p7s\n\nx'),
      'text "text" + a.p7s application/pkcs7-signature 1',
    ],
    [
      'an encrypted file',
      multi('mixed', 'b', plain, 'Content-Type: application/octet-stream; name=smime.p7m\n\nx'),
      'text "text" + smime.p7m application/octet-stream 1',
    ],
    [
      'a calendar file by its disposition',
      multi('mixed', 'b', plain, 'Content-Type: text/calendar\nContent-Disposition: attachment\n\nBEGIN'),
      'text "text" + ATT00001.ics text/calendar 5',
    ],
    [
      'a long name, with its ending',
      multi('mixed', 'b', plain, `Content-Type: a/b; name="${'n'.repeat(300)}.docx"\n\nx`),
      `text "text" + ${'n'.repeat(250)}.docx a/b 1`,
    ],
    [
      'a name with a path',
      multi('mixed', 'b', plain, 'Content-Type: a/b; name="C:\\\\tmp\\\\x.bin"\n\nx'),
      'text "text" + x.bin a/b 1',
    ],
    ['a multipart without its end', 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n', 'text "text\\r\\n"'],
  ])('%s', async (_, text, expected) => {
    expect(await outline(text)).toBe(expected);
  });
});

it.each([
  ['A <A@X.example>', true],
  ['', undefined],
  ['<>', undefined],
])('A receipt to %j is asked for where From is to get it', async (to, wanted) => {
  const form = await survey(
    `From: a@x.example\nDisposition-Notification-To: ${to}\nReturn-Receipt-To: ${to}\n${plain}`,
  );
  if (form.jsonForm === 'lossy') throw new Error(form.reason);
  expect(form.fields.isReadReceiptRequested).toBe(wanted);
  expect(form.fields.isDeliveryReceiptRequested).toBe(wanted);
});

describe('Not for the JSON form', () => {
  it.each([
    ...[
      'boss@x.example',
      'a@x.example, boss@x.example',
      'a@x.example\nDisposition-Notification-To: boss@x.example',
    ].map((to): [string, string] => [
      'it asks for a read receipt to another address than From',
      `From: A <a@x.example>\nDisposition-Notification-To: ${to}\n${plain}`,
    ]),
    [
      'it asks for a delivery receipt to another address than From',
      `From: A <a@x.example>\nReturn-Receipt-To: Boss <boss@x.example>\n${plain}`,
    ],
    ['it is signed', multi('signed', 'b', plain, 'Content-Type: application/pkcs7-signature\n\nx')],
    [
      'it is signed',
      multi('mixed', 'b', multi('signed', 'c', plain, 'Content-Type: application/pgp-signature\n\nx'), file),
    ],
    ['it is encrypted', multi('encrypted', 'b', 'Content-Type: application/pgp-encrypted\n\nVersion: 1', file)],
    ['it is signed or encrypted (S/MIME)', 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx'],
    ['it is signed or encrypted (S/MIME)', 'Content-Type: application/x-pkcs7-mime; name=smime.p7m\n\nx'],
    ['it is signed or encrypted (S/MIME)', 'Content-Type: application/octet-stream; name=smime.p7m\n\nx'],
    [
      'it is in an Outlook format (winmail.dat)',
      multi('mixed', 'b', plain, 'Content-Type: application/vnd.ms-tnef\n\nx'),
    ],
    ['it is an invitation', 'Content-Type: text/calendar\n\nBEGIN'],
    [
      'it is protected by rights management',
      multi('mixed', 'b', plain, 'Content-Type: application/x-microsoft-rpmsg-message\n\nx'),
    ],
    ['it is in an Outlook format (winmail.dat)', multi('mixed', 'b', plain, 'Content-Type: application/ms-tnef\n\nx')],
    ['it is a report', multi('report', 'b', plain, 'Content-Type: message/delivery-status\n\nx')],
    ['it is an invitation', 'Content-Type: text/calendar; method=REQUEST\n\nBEGIN'],
    [
      'it is an invitation',
      multi('mixed', 'b', plain, 'Content-Type: text/calendar; method=CANCEL; name=x.ics\n\nBEGIN'),
    ],
    [
      'it has a text/calendar as an alternative',
      multi('alternative', 'b', plain, html, 'Content-Type: text/calendar\n\nBEGIN'),
    ],
    [
      'it has a text/x-amp-html as an alternative',
      multi('alternative', 'b', plain, 'Content-Type: text/x-amp-html\n\nx', html),
    ],
    ['it has several texts as alternatives', multi('alternative', 'b', plain, plain)],
    ['it has a image/png as an alternative', multi('alternative', 'b', plain, 'Content-Type: image/png\n\nx')],
    ['it has alternatives outside of its body', multi('mixed', 'b', plain, multi('alternative', 'c', plain, html))],
    [
      'it has related parts outside of its body',
      multi('related', 'b', 'Content-Type: application/xop+xml\n\nx', picture),
    ],
    [
      'it has related parts outside of its body',
      multi('mixed', 'b', plain, multi('related', 'c', withPicture, picture)),
    ],
    [
      'its parts are named by Content-Location',
      multi('related', 'b', html, 'Content-Type: image/png\nContent-Location: p.png\n\nx'),
    ],
    ['it holds a multipart/digest', multi('digest', 'b', '\nSubject: x\n')],
    ['it holds a multipart/x-mixed-replace', multi('x-mixed-replace', 'b', plain)],
    ['it is one part of a longer message', 'Content-Type: message/partial; id=x; number=1\n\nx'],
    ['it refers to content elsewhere', 'Content-Type: message/external-body; access-type=URL\n\nx'],
    ['its text is in an unknown charset (utf-7)', 'Content-Type: text/plain; charset=utf-7\n\nx'],
    ['a part has an unknown Content-Transfer-Encoding', 'Content-Transfer-Encoding: x-uuencode\n\nx'],
    [
      'a part has an unknown Content-Transfer-Encoding',
      multi('alternative', 'b', 'Content-Transfer-Encoding: x-y\n\nx', html),
    ],
    ['a part has the same Content field twice', 'Content-Type: text/plain\nContent-Type: text/html\n\nx'],
    ['a multipart has no boundary of its own', 'Content-Type: multipart/mixed\n\n--b\n\nx\n--b--'],
    ['a multipart holds no part', 'Content-Type: multipart/mixed; boundary=b\n\nx'],
    [
      'the base64 of a part continues after its end',
      multi('mixed', 'b', plain, 'Content-Type: a/b\nContent-Transfer-Encoding: base64\n\nYQ==YQ=='),
    ],
    ['it has the field Subject twice', 'Subject: a\nSubject: b\n\nx'],
    ['its subject is longer than 255 characters', `Subject: ${'y'.repeat(256)}\n\nx`],
    ['it has several authors', 'From: a@contoso.com, b@contoso.com\n\nx'],
    ['its text is too long for one request', `\n${'x'.repeat(3 * 1024 * 1024)}`],
    [
      'its text is too long for one request',
      `Content-Type: text/plain; charset=iso-8859-1\n\n${'\u0001'.repeat(1_000_000)}`,
    ],
    ['it has more than 250 attachments', multi('mixed', 'b', plain, ...Array<string>(251).fill(file))],
    ['it has too many parts', multi('mixed', 'b', ...Array<string>(1000).fill(plain))],
    ['its headers are too large', `X: ${'y'.repeat(2_200_000)}\n\nx`],
  ])('%s (%#)', async (reason, text) => {
    expect(await outline(text)).toBe(`lossy: ${reason}`);
  });
});

describe('Header fields', () => {
  it('beyond five and thirty are left out, and named', async () => {
    const fields = Array.from({ length: 40 }, (_, index) => `X-Field-${index}: ${index}\n`).join('');
    const form = await survey(`${fields}Received: by x\nDKIM-Signature: v=1\nX-Long: ${'y'.repeat(1000)}\n\nx`);
    if (form.jsonForm === 'lossy') throw new Error(form.reason);
    expect(form.fields.internetMessageHeaders).toHaveLength(5);
    expect(form.fields.singleValueExtendedProperties).toHaveLength(30);
    expect(form.dropped).toEqual(['X-Field-35', 'X-Field-36', 'X-Field-37', 'X-Field-38', 'X-Field-39', 'X-Long']);
  });

  it.each([
    ['Importance: High', 'high'],
    ['X-Priority: 1 (Highest)', 'high'],
    ['X-Priority: 2', 'high'],
    ['X-Priority: 3 (Normal)', undefined],
    ['X-Priority: 5', 'low'],
    ['X-MSMail-Priority: Low', 'low'],
    ['Priority: urgent', 'high'],
    ['Importance: normal\nX-Priority: 1', undefined],
  ])('%j is %s', async (field, importance) => {
    expect(await survey(`${field}\n\nx`)).toMatchObject({ fields: importance === undefined ? {} : { importance } });
    const form = await survey(`${field}\n\nx`);
    expect('fields' in form && form.fields.importance).toBe(importance);
  });

  it('of a conversation are made anew by Exchange, and would stand twice', async () => {
    const form = await survey('Thread-Topic: x\nThread-Index: AdA=\nX-Job: 1\n\nx');
    expect(form).toMatchObject({ fields: { internetMessageHeaders: [{ name: 'X-Job', value: '1' }] }, dropped: [] });
    expect('fields' in form && form.fields.singleValueExtendedProperties).toBeUndefined();
  });

  it('with more than a Message-ID tell the one by which the message is looked for in Sent Items', async () => {
    for (const id of ['(ours) <a@b>', '<a@b> <c@d>', '<a@b>;']) {
      expect(await survey(`Message-ID: ${id}\n\nx`)).toMatchObject({ fields: { internetMessageId: '<a@b>' } });
    }
  });

  it('that are no Message-ID are not told as one', async () => {
    for (const id of ['x', '<a b@c>', '', 'a@b <>']) {
      const form = await survey(`Message-ID: ${id}\n\nx`);
      expect('fields' in form && form.fields.internetMessageId).toBeUndefined();
    }
  });
});
