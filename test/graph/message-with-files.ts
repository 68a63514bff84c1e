import { lines } from './send-json-world.ts';

/** Unique octets, the same for the same seed. */
export function octets(length: number, seed = 1): Buffer {
  const made = Buffer.alloc(length);
  for (let at = 0, state = seed; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    made[at] = state >>> 24;
  }
  return made;
}

/** A part that contains a file. */
export function attachment(name: string, content: Buffer): string {
  return lines(
    '--b',
    'Content-Type: application/octet-stream',
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    content.toString('base64').replace(/.{76}/g, '$&\r\n'),
  );
}

/** A text followed by these parts. */
export function message(...attachments: readonly string[]): string {
  const header = lines(
    'From: A <a@contoso.com>',
    'Subject: Files',
    'Message-ID: <m1@contoso.com>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'Please see the files.',
  );
  return lines(header, ...attachments, '--b--', '');
}
