import { z } from 'zod';
import { normalizeAddress, parseAddressList } from '../../message/address/address.ts';
import { sideOf } from '../../message/address/fields.ts';
import { isAscii } from '../../message/safe-text.ts';
import { block, mailbox, senderPattern } from '../fields.ts';

const rules = (description: string) =>
  z.exactOptional(
    z
      .record(senderPattern(), senderPattern())
      .superRefine((record, context) => {
        for (const key of repeated(Object.keys(record), normalizeAddress)) {
          context.addIssue({ code: 'custom', path: [key], message: 'is the same address as one before it' });
        }
      })
      .meta({ title: 'addresses by address', description }),
  );

function repeated(names: readonly string[], keyOf: (name: string) => string): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(keyOf(name)).size);
}

/** `accounts[].rewrite` */
const rewriteBlock = () =>
  block({
    senders: rules(
      'Addresses of senders: in the reverse-path, and in From, Sender, Reply-To and other fields that name who sends or gets replies. Applied before `senders` of the account is checked.',
    ),
    recipients: rules('Addresses of recipients: in the envelope, and in To and Cc.'),
  });

/**
 * Header fields (RFC 5322 section 2.2: printable ASCII but the colon) that a configuration must not change, with the
 * reason.
 */
const protectedFields: readonly (readonly [fields: RegExp, reason: string])[] = [
  [/^(?:from|sender)$/, 'the sender is checked; use "forceFrom" or "rewrite"'],
  [/^(?:to|cc|bcc)$/, 'it names who gets the message; use "rewrite" or "redirectAllTo"'],
  [/^resent-/, 'it says who forwarded the message'],
  [/^(?:date|message-id)$/, 'it identifies the message; a missing one is added anyway'],
  [/^(?:received|return-path)$/, 'it shows which way the message came, and stops mail loops'],
  [/^(?:mime-version|content-.*)$/, 'it says how to read the content'],
  [/^dkim-signature$/, 'it is a signature'],
  [/^x-mailbridge-/, "it is the bridge's own"],
];

function nameProblem(name: string): string | undefined {
  if (!/^[!-9;-~]{1,76}$/.test(name))
    return 'must be the name of a header field: printable ASCII without spaces and colons';
  const reason = protectedFields.find(([fields]) => fields.test(name.toLowerCase()))?.[1];
  return reason === undefined ? undefined : `must not be changed: ${reason}`;
}

const fieldName = () =>
  z.string().superRefine((name, context) => {
    const message = nameProblem(name);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

function valueProblem(name: string, value: string): string | undefined {
  if (value.trim() === '' || /\p{Cc}/u.test(value) || !value.isWellFormed()) {
    return 'must not be empty or contain line ends or other control characters';
  }
  if (sideOf(name) === undefined) return undefined;
  const { addresses, problems } = parseAddressList(value);
  const isSound = problems.length === 0 && addresses.length > 0 && addresses.every(({ address }) => isAscii(address));
  return isSound ? undefined : 'must be addresses';
}

const sameField = 'is the same field as one before it';

const addedFields = () =>
  z
    .record(fieldName(), z.string().max(1000))
    .superRefine((record, context) => {
      for (const [name, value] of Object.entries(record)) {
        const message = valueProblem(name, value);
        if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
      }
      for (const name of repeated(Object.keys(record), (each) => each.toLowerCase())) {
        context.addIssue({ code: 'custom', path: [name], message: sameField });
      }
    })
    .meta({
      title: 'values by name',
      description:
        'Fields that are added to a message unless it has them. A field that is also in `remove` is replaced. Non-ASCII characters are encoded (RFC 2047).',
    });

/** `accounts[].headers` */
const headersBlock = () =>
  block({
    add: z.exactOptional(addedFields()),
    remove: z.exactOptional(
      z
        .array(fieldName().meta({ title: 'name' }))
        .min(1)
        .meta({ description: 'Fields that are removed from a message, in upper or lower case.' }),
    ),
  });

/** The keys of an account that change its mail and set who gets its failures. */
export const accountMail = {
  rewrite: z.exactOptional(rewriteBlock()).meta({
    description:
      'Addresses to replace with others: `{"old@contoso.com": "new@contoso.com", "*@old.example": "*@contoso.com", "*@lab.local": "ops@contoso.com"}`. A whole address takes precedence over `*@domain`; `*` in the new address is the local part of the old one. Each address is rewritten once.',
  }),
  redirectAllTo: z.exactOptional(mailbox()).meta({
    description:
      'For a test system: every message goes only to this address, and To names it. The old To and Cc are kept in X-Mailbridge-To and X-Mailbridge-Cc, and the original recipients, hidden ones included, in X-Mailbridge-Recipients.',
  }),
  headers: z.exactOptional(headersBlock()).meta({
    description:
      'Header fields to remove from its mail, then those to add. Fields that the bridge relies on are refused.',
  }),
  bounceTo: z.exactOptional(mailbox()).meta({
    description:
      'Address that gets the bounces and delay warnings for its mail instead of the sender: for a device whose mailbox nobody reads.',
  }),
};
