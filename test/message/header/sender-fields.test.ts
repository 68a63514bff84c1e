import { describe, expect, it } from 'vitest';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { forcedSenderEdit, type SenderEdit, senderEdit } from '../../../src/message/header/sender-fields.ts';

const mailbox = 'reports@contoso.example';

/** The lines of a header after an edit. */
function edited(fields: readonly string[], edit: (header: HeaderBlock) => SenderEdit): string[] {
  const header = HeaderBlock.parse(Buffer.from(fields.map((field) => `${field}\r\n`).join('')));
  const { drop, add } = edit(header);
  const octets = header.edit({ drop: (field) => drop.has(field), suffix: add });
  return octets.toString().trimEnd().split('\r\n').filter(Boolean);
}

describe('A header says who sends (RFC 5322 section 3.6.2)', () => {
  const sent = (...fields: string[]) => edited(fields, (header) => senderEdit(header, mailbox));

  it.each([
    [['From: ann@x.example']],
    [['FROM: "Smith, Ann" <ann@x.example>']],
    [['From: ann@x.example, bob@x.example', 'Sender: ann@x.example']],
    [['From: ann@x.example', 'Sender: Bob <bob@x.example>']],
  ])('and stays as it is where that is sound: %j', (fields) => {
    expect(sent(...fields)).toEqual(fields);
  });

  it.each([
    // Without a usable author the mailbox replaces it, under the existing name.
    [[], [`From: ${mailbox}`]],
    [['From:'], [`From: ${mailbox}`]],
    [['From: Front Desk'], [`From: Front Desk <${mailbox}>`]],
    [['From: "ann@x.example" <front desk>'], [`From: ${mailbox}`]],
    [['From: Ann <ann\u200b@x.example>'], [`From: Ann <${mailbox}>`]],
    // Of several fields, the first with an author counts.
    [['From: ann@x.example', 'From: bob@x.example'], ['From: ann@x.example']],
    [['From: scanner', 'From: bob@x.example'], ['From: bob@x.example']],
    [['From: First', 'From: Second'], [`From: First <${mailbox}>`]],
    // A broken field keeps its usable authors.
    [['From: Smith, Ann <ann@x.example>'], ['From: "Smith, Ann" <ann@x.example>']],
    [['From: ann@x.example, bob\u200b@x.example'], ['From: ann@x.example']],
    [['From: bob\u200b@x.example, ann@x.example'], ['From: ann@x.example']],
    [['From: ann@x.example, scanner'], ['From: ann@x.example']],
    // Several authors need a Sender, which has one address.
    [['From: ann@x.example, bob@x.example'], ['From: ann@x.example, bob@x.example', `Sender: ${mailbox}`]],
    [
      ['From: ann@x.example, bob@x.example', 'Sender: scanner'],
      ['From: ann@x.example, bob@x.example', `Sender: ${mailbox}`],
    ],
    [['From: ann@x.example', 'Sender: scanner'], ['From: ann@x.example']],
    [
      ['From: ann@x.example', 'Sender: Bob <bob@x.example>, ann@x.example'],
      ['From: ann@x.example', 'Sender: Bob <bob@x.example>'],
    ],
    [
      ['From: ann@x.example, bob@x.example', 'Sender: [B] <bob@x.example>'],
      ['From: ann@x.example, bob@x.example', 'Sender: "[B]" <bob@x.example>'],
    ],
  ])('of %j it makes %j', (fields, expected) => {
    expect(sent(...fields)).toEqual(expected);
  });

  it('and tells every complete address of From and Sender, usable or not', () => {
    const fields = ['From: scanner, ann@x.example', 'From: bob\u200b@x.example', 'Sender: eve@x.example', 'To: a@b.c'];
    const header = HeaderBlock.parse(Buffer.from(`${fields.join('\r\n')}\r\n\r\n`));
    expect(senderEdit(header, mailbox).addresses).toEqual(['ann@x.example', 'bob\u200b@x.example', 'eve@x.example']);
  });
});

describe('A header that has to be as from one address', () => {
  const forced = (...fields: string[]) => edited(fields, (header) => forcedSenderEdit(header, mailbox));

  it.each([
    // Already right.
    [[`From: Scan <${mailbox}>`], [`From: Scan <${mailbox}>`]],
    [['From: REPORTS@Contoso.example', 'Sender: ann@x.example'], ['From: REPORTS@Contoso.example']],
    [[`From: ${mailbox}`, 'From: ann@x.example'], [`From: ${mailbox}`]],
    // From somebody else, who gets the replies.
    [['From: Ann <ann@x.example>'], [`From: Ann <${mailbox}>`, 'Reply-To: Ann <ann@x.example>']],
    [
      ['From: ann@x.example', 'sender: ann@x.example'],
      [`From: ${mailbox}`, 'Reply-To: ann@x.example'],
    ],
    [['From: "ann@x.example" <ann@x.example>'], [`From: ${mailbox}`, 'Reply-To: "ann@x.example" <ann@x.example>']],
    [
      ['From: Ann <ann@x.example>', 'From: bob@x.example'],
      [`From: Ann <${mailbox}>`, 'Reply-To: Ann <ann@x.example>'],
    ],
    [
      ['From: scanner', 'From: bob@x.example'],
      [`From: ${mailbox}`, 'Reply-To: bob@x.example'],
    ],
    [[`From: Scan <${mailbox}>, ann@x.example`], [`From: Scan <${mailbox}>`, 'Reply-To: ann@x.example']],
    // They already have a Reply-To.
    [
      ['From: ann@x.example', 'Reply-To: bob@x.example'],
      ['Reply-To: bob@x.example', `From: ${mailbox}`],
    ],
    [
      ['From: ann@x.example', 'Reply-To: nobody', 'Reply-To: bob@x.example'],
      ['Reply-To: nobody', 'Reply-To: bob@x.example', `From: ${mailbox}`],
    ],
    [
      ['From: ann@x.example', 'Reply-To: nobody'],
      [`From: ${mailbox}`, 'Reply-To: ann@x.example'],
    ],
    // There is nobody to reply to.
    [[], [`From: ${mailbox}`]],
    [['From: Front Desk'], [`From: Front Desk <${mailbox}>`]],
    [['Reply-To: nobody'], ['Reply-To: nobody', `From: ${mailbox}`]],
    [[`From: [HP] <${mailbox}>`], [`From: "[HP]" <${mailbox}>`]],
  ])('of %j it makes %j', (fields, expected) => {
    expect(forced(...fields)).toEqual(expected);
  });
});
