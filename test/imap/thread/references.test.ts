import { describe, expect, it } from 'vitest';
import { TimeSlice } from '../../../src/base/turns/time-slice.ts';
import { threadedMessage } from '../../../src/imap/thread/message.ts';
import { formatThreads } from '../../../src/imap/thread/node.ts';
import { Numbering } from '../../../src/imap/thread/numbering.ts';
import { threadsBySubject } from '../../../src/imap/thread/ordered-subject.ts';
import { threadsByReferences } from '../../../src/imap/thread/references.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';

/** Messages sent an hour apart, unless their headers have a date. */
function messages(...headers: string[]) {
  const numberings = { subjects: new Numbering(), ids: new Numbering() };
  return headers.map((header, index) => {
    const summary = { uid: index + 1, flags: [], size: 1, modseq: 1, receivedMs: index * 3_600_000 };
    const octets = Buffer.from(`${header.replaceAll('\n', '\r\n')}\r\n\r\n`);
    return threadedMessage(summary, HeaderBlock.parse(octets), numberings);
  });
}

const byReferences = async (...headers: string[]): Promise<string> => {
  const slice = new TimeSlice();
  return await formatThreads(await threadsByReferences(messages(...headers), slice), (uid) => uid, slice);
};

describe('threads by references', () => {
  it.each([
    [['Message-ID: <a>', 'References: <a>\nMessage-ID: <b>', 'References: <a> <b>'], '(1 2 3)'],
    [['Message-ID: <a>', 'In-Reply-To: <a>', 'In-Reply-To: <a>'], '(1 (2)(3))'],
    [['References: <gone>', 'References: <gone>'], '((1)(2))'],
    [['References: <gone>'], '(1)'],
    [['Message-ID: <a>', 'Message-ID: <b>\nReferences: <a> <c>', 'Message-ID: <c>\nReferences: <b>'], '(1)(3 2)'],
    [['Message-ID: <a>\nReferences: <b>', 'Message-ID: <b>\nReferences: <a>'], '(2 1)'],
    [['Message-ID: <a>\nReferences: <a>'], '(1)'],
    [['Subject: x', 'Subject: Re: x'], '(1 2)'],
    [['Subject: Re: x', 'Subject: x'], '(2 1)'],
    [['Subject: x', 'Subject: x'], '((1)(2))'],
    [['Subject: x', 'Subject: y'], '(1)(2)'],
    [['Message-ID: <"a"@b>', 'References: <a@b>'], '(1 2)'],
    [['Date: Thu, 1 Jan 2026 10:00:00 +0000', 'Date: Thu, 1 Jan 2026 09:00:00 +0000'], '(2)(1)'],
  ])('%j are %s', async (headers, told) => {
    expect(await byReferences(...headers)).toBe(told);
  });

  it('may be very deep, or refer to themselves in a circle', async () => {
    const deep = Array.from({ length: 5_000 }, (_, at) => `Message-ID: <${at}>\nReferences: <${at - 1}>`);
    expect(await byReferences(...deep)).toBe(`(${deep.map((_, at) => at + 1).join(' ')})`);
    const forked = deep.flatMap((header, at) => [header, `In-Reply-To: <${at - 1}>`]);
    expect((await byReferences(...forked)).match(/\d+/g)).toHaveLength(2 * deep.length);
    const circle = deep.map((_, at) => `Message-ID: <${at}>\nReferences: <${(at + 1) % 3}> <${(at + 2) % 3}>`);
    expect((await byReferences(...circle)).match(/\d+/g)).toHaveLength(5_000);
  });
});

it('threads by subject begin with the first of each', async () => {
  const slice = new TimeSlice();
  const sent = messages('Subject: x', 'Subject: y', 'Subject: Re: x', 'Subject: X', 'Subject: z');
  const told = await formatThreads(await threadsBySubject(sent, slice), (uid) => uid, slice);
  expect(told).toBe('(1 (3)(4))(2)(5)');
});
