import { formatDate, makeMessageId } from '../../message/header/repair.ts';
import { encodedWords, quotedPrintable } from '../../message/mime/encodings.ts';
import { isAscii, oneLine, wrapLine } from '../../message/safe-text.ts';
import type { AlertNews } from './condition.ts';

/** Sender and recipient of an alert. */
export interface AlertMailAddresses {
  readonly from: string;
  readonly to: string;
  /** Of the bridge, for the Message-ID. */
  readonly hostname: string;
}

/** An alert as a message with CRLF line ends. */
export function alertMail(news: AlertNews, { from, to, hostname }: AlertMailAddresses): Buffer {
  const { state, severity, text, remedy, since, at, instance } = news;
  const word = state === 'cleared' ? 'cleared' : severity;
  const subject = oneLine(`[mailbridge] ${word}: ${text}`, 180);
  const lines = [
    ...wrapLine(oneLine(text)),
    '',
    ...(state === 'raised' ? [...wrapLine(`What to do: ${oneLine(remedy)}`), ''] : ['Resolved.', '']),
    `Since: ${formatDate(new Date(since))}`,
    `Instance: ${oneLine(instance, 200)}`,
    '',
  ];
  const header = [
    `Date: ${formatDate(new Date(at))}`,
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${(isAscii(subject) ? subject : encodedWords(subject)).replaceAll('?= =?', '?=\r\n =?')}`,
    `Message-ID: ${makeMessageId(hostname)}`,
    // Keeps vacation responders from answering (RFC 3834).
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
  ];
  const body = quotedPrintable(Buffer.from(lines.join('\r\n')));
  return Buffer.concat([Buffer.from(`${header.join('\r\n')}\r\n\r\n`), body]);
}
