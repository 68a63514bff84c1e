import { Readable } from 'node:stream';
import { systemClock } from '../../src/base/clock.ts';
import { CopyNotes } from '../../src/couriers/sent-items/copy-notes.ts';
import { Marker } from '../../src/couriers/sent-items/marker.ts';
import type { OutgoingMessage } from '../../src/message/delivery.ts';
import type { Envelope } from '../../src/message/envelope.ts';
import { storedRecords } from '../support/records.ts';

export const plainMessage =
  'From: Reports <reports@contoso.com>\r\nTo: a@fabrikam.com\r\nSubject: Hello\r\n\r\nHello there.\r\n';

/** A message as the queue gives it to a courier. It counts how often it was opened. */
export function outgoing(
  content: string | Buffer = plainMessage,
  envelope: Partial<Omit<Envelope, 'recipients'>> & {
    readonly recipients?: readonly (string | Envelope['recipients'][number])[];
  } = {},
): OutgoingMessage & { opened: number } {
  const octets = Buffer.from(content as string);
  const { recipients = ['a@fabrikam.com'], ...rest } = envelope;
  return {
    id: 'm1',
    mailbox: 'reports@contoso.com',
    envelope: {
      reversePath: 'reports@contoso.com',
      eightBit: false,
      smtpUtf8: false,
      ...rest,
      recipients: recipients.map((recipient) => (typeof recipient === 'string' ? { address: recipient } : recipient)),
    },
    size: octets.length,
    opened: 0,
    open() {
      this.opened += 1;
      return Readable.from(pieces(octets), { objectMode: false });
    },
  };
}

function* pieces(octets: Buffer): Generator<Buffer> {
  const length = 64 * 1024;
  for (let start = 0; start < octets.length; start += length) yield octets.subarray(start, start + length);
}

/** A signal that is never aborted. */
export const patience = new AbortController().signal;

/** Marks outgoing messages. */
export const marker = new Marker(Buffer.from('a key for tests'));

/** Notes of whom copies are for, in a separate queue. */
export const copyNotes = () => new CopyNotes(storedRecords(), marker, systemClock);

/** A message as sent, without the marker that it must begin with. */
export function unmarked(octets: Buffer): Buffer {
  const line = /^X-Mailbridge-Id: \w+\.[0-9a-f]{16}\.[0-9a-f]{16}\r\n/.exec(octets.toString('latin1', 0, 100))?.[0];
  if (line === undefined) throw new Error('the message has no marker');
  return octets.subarray(line.length);
}
