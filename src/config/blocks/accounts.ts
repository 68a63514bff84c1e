import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { courierKinds, courierOrderOf } from '../../message/courier-kind.ts';
import { otherSenders } from '../../message/sender-way.ts';
import { block, isAddress, isDomainPattern, mailbox, type Sources, secret, sender, senderPattern } from '../fields.ts';
import { accountMail } from './account-mail.ts';
import { passwordFromBlock } from './passwords.ts';

const scryptHash =
  /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Whether the verifier would accept the hash: well formed, at least 2^10 rounds, at most 64 MiB. */
function isUsableHash(text: string): boolean {
  const [, ln, r, p, ...encoded] = scryptHash.exec(text) ?? [];
  const affordable = Number(ln) >= 10 && Number(p) <= 4 && 128 * Number(r) * 2 ** Number(ln) <= 64 * 1024 * 1024;
  return (
    affordable && encoded.every((part) => Buffer.from(part, 'base64').toString('base64').replace(/=+$/, '') === part)
  );
}

function passwordProblem(password: string): string | undefined {
  if (password.startsWith('$scrypt$')) {
    return isUsableHash(password)
      ? undefined
      : 'is a damaged or too costly hash; make one with "mailbridge hash-password"';
  }
  // Otherwise other systems' hashes would be taken for the password itself, and nobody could log in.
  if (/^\$(?:2[abxy]|argon2(?:id|i|d)|[156y]|pbkdf2[a-z0-9-]*)\$/.test(password)) {
    return 'is a hash of another kind; only hashes of "mailbridge hash-password" are supported';
  }
  return undefined;
}

/** Address and prefix length of a CIDR network or a single address, or undefined. */
export function readNetwork(text: string): { readonly address: string; readonly prefix: number } | undefined {
  const [address = '', length, rest] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
  if (bits === 0 || rest !== undefined || address.includes('%')) return undefined;
  if (length === undefined) return { address, prefix: bits };
  const prefix = Number(length);
  return /^\d{1,3}$/.test(length) && prefix <= bits && prefix >= (isMapped(address) ? 96 : 0)
    ? { address, prefix }
    : undefined;
}

/** Whether it is IPv4 written inside IPv6 (RFC 4291 section 2.5.5.2). */
function isMapped(address: string): boolean {
  // The URL parser knows the canonical form of every spelling.
  return isIPv6(address) && /^\[::ffff:[^:]+:[^:]+\]$/.test(URL.parse(`http://[${address}]`)?.hostname ?? '');
}

/** Whether it means every address of a family. */
function isEverybody(text: string): boolean {
  const network = readNetwork(text);
  return network !== undefined && network.prefix === (isMapped(network.address) ? 96 : 0);
}

const usernameForm = /^[^\p{Cc}\s](?:[^\p{Cc}]*[^\p{Cc}\s])?$/u;

/** @param everybody what naming every address would mean */
export const network = (everybody: string) =>
  z
    .string()
    .refine((text) => readNetwork(text) !== undefined, {
      error: 'must be an IP address, or a network such as "192.168.10.0/24"',
      abort: true,
    })
    .refine((text) => !isEverybody(text), { error: everybody })
    .meta({ title: 'network' });

const sendForm = { error: 'must be "graph", "smtp", "auto", or a list such as ["graph", "smtp"]' };

const courierList = () =>
  z
    .array(z.enum(courierKinds))
    .min(1)
    .refine((list) => new Set(list).size === list.length, { error: 'names one twice' });

function orderOf(send: unknown) {
  const order = courierOrderOf(send);
  return order && { send: order };
}

/** `accounts[]`: who may log in, what they may do, and which mailbox that means. */
export const accountBlock = (sources: Sources) =>
  block({
    username: z
      .string()
      .min(1)
      .max(255)
      .refine((name) => usernameForm.test(name), {
        error: 'must not contain control characters, or begin or end with a space',
        abort: true,
      })
      .refine((name) => !name.includes('*') || isDomainPattern(name), {
        error: 'may contain "*" only as "*@" and a domain, which is everybody there',
      })
      .meta({
        description:
          "Name to log in with; upper and lower case are the same. The mailbox's address works too, if only one account has it. `*@contoso.com`: everybody with an address there logs in with it, to their own mailbox; accounts of a single name take precedence.",
      }),
    password: z.exactOptional(secret(sources, passwordProblem)).meta({
      description:
        'Password to log in with: a hash from `mailbridge hash-password`, or the plain text. Optional if `networks` or `passwordFrom` is set.',
    }),
    passwordFrom: z.exactOptional(passwordFromBlock(sources)),
    networks: z
      .exactOptional(z.array(network('would let everybody send without a password (an open relay)')).min(1))
      .meta({
        description:
          'Networks (CIDR) or addresses from which SMTP clients need no password. If several accounts match, the longest prefix wins. Does not apply to IMAP and POP3.',
      }),
    endOfData: z.enum(['crlf', 'lf']).default('crlf').meta({
      description:
        'What ends a message of a client in `networks`. `crlf`: only CRLF.CRLF. `lf`: LF.LF too, for devices that end every line with LF. Only for networks of such devices: behind a mail server or a program that treats LF.LF as text, anybody who writes that text could inject messages. Does not apply to listeners with `"lineEnds": "strict"`.',
    }),
    connection: z.string().meta({ description: 'Name of the connection, a key of `connections`.' }),
    mailbox: z.exactOptional(mailbox()).meta({
      description:
        "User principal name of the mailbox to open and send as; with `mailboxes`, the default one. Optional if `mailboxes` names an address: the first is the default. With a username such as `*@contoso.com` the default is each person's own.",
    }),
    mailboxes: z.exactOptional(z.array(senderPattern()).min(1)).meta({
      description:
        'Further mailboxes that may be opened and sent as; `*@contoso.com` is every mailbox of that domain. Programs that read name one after the username: `scanner/reports@contoso.com`. See [Accounts](accounts.md).',
    }),
    mailboxFrom: z.exactOptional(z.enum(['envelope', 'header', 'fixed'])).meta({
      description:
        'Which of `mailboxes` a message is sent as. `envelope` (the default): the one in the reverse-path, or in From if the reverse-path is none of them. `header`: From first. `fixed`: always the default one, or the one that the username names.',
    }),
    send: z.exactOptional(z.union([z.enum([...courierKinds, 'auto']), courierList()], sendForm)).meta({
      description:
        'How mail is sent: through Microsoft Graph, or SMTP submission to Exchange Online. A list, in order of preference: through the first that is open to the mailbox and can take the message; `queue.failoverAfterSeconds` sets when another takes over. `auto`: the best order known, currently `["graph", "smtp"]`. Left out: the account may not send.',
    }),
    read: z.exactOptional(z.enum(['imap', 'pop3', 'graph'])).meta({
      description:
        'How the mailbox is read. `imap`: IMAP clients are passed through to Exchange Online, POP3 is translated over IMAP. `pop3`: POP3 clients are passed through. `graph`: through Microsoft Graph. Left out: the account may not read.',
    }),
    delivery: z.enum(['queued', 'direct']).default('queued').meta({
      description:
        "`queued`: a message is accepted once it is safe on disk, then delivered and retried. `direct`: the client waits for Microsoft's verdict.",
    }),
    envelope: z.enum(['auto', 'smtp', 'rewrite', 'refuse']).default('auto').meta({
      description:
        'What happens to a message for Graph whose To or Cc names people who are not in the envelope: Graph would mail them. `auto`: it is sent over SMTP if the connection may, otherwise as with `rewrite`. `smtp`: it is sent over SMTP. `rewrite`: To and Cc are reduced to the people who get it; the old ones are kept in X-Mailbridge-To and X-Mailbridge-Cc. `refuse`: it is not sent, and the sender gets a bounce.',
    }),
    onAmbiguity: z.enum(['resend', 'hold']).default('resend').meta({
      description:
        'What happens to a message that may have been delivered, because the answer was lost, if the connection may not look in Sent Items (Mail.Read, or IMAP). `resend`: it is sent again, and may arrive twice. `hold`: it waits in the queue for an administrator.',
    }),
    sentItems: z.enum(['keep', 'remove']).default('keep').meta({
      description:
        'The copies of sent mail that Exchange puts into Sent Items of the mailbox. `keep`: they stay. `remove`: the bridge permanently removes the copy of each message once its delivery is recorded, and touches nothing else there. Needs the permission Mail.ReadWrite, or IMAP.',
    }),
    dropDuplicates: z.exactOptional(z.int().min(1).max(86_400)).meta({
      description:
        'Seconds in which a message that arrives again (same envelope, header except Date and trace fields, and body) is accepted and dropped. For programs that send again too early. Left out: each one is sent.',
    }),
    senders: z.exactOptional(z.array(sender()).min(1)).meta({
      description:
        'Reverse-paths and From addresses the account may use; `*@contoso.com` is every address of that domain. A plain address means `send-as`, unless it is one of its mailboxes. Default: the mailboxes of the account. With a username such as `*@contoso.com` each person may use their own address as well.',
    }),
    forceFrom: z.exactOptional(z.union([z.literal(true), mailbox()])).meta({
      description:
        'Sends all mail as the mailbox (`true`) or as the address given, whatever the program says: From and reverse-path are replaced, and the old From is kept in Reply-To unless the message has one. `senders` does not apply then. An address other than the mailbox needs the right to send as it.',
    }),
    ...accountMail,
  }).transform(({ mailbox: fixed, mailboxes: named = [], mailboxFrom, senders, send, ...account }) => {
    // For an account for many, the default mailbox is each person's own.
    const mailbox = fixed ?? (isDomainPattern(account.username) ? undefined : named.find(isAddress));
    const all = mailbox === undefined ? named : [mailbox, ...named];
    const keys = all.map((each) => each.toLowerCase());
    const mailboxes = all.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
    const from = mailboxFrom ?? (named.length > 0 ? 'envelope' : 'fixed');
    const sentAs = senders ?? mailboxes;
    const addressOf = (sender: (typeof sentAs)[number]) => (typeof sender === 'string' ? sender : sender.address);
    // A mailbox that sends as itself needs no permission; a fixed one sends as all the others.
    const own = from === 'fixed' ? [] : keys;
    const foreign = sentAs.filter((sender) => !own.includes(addressOf(sender).toLowerCase()));
    const { forceFrom } = account;
    const forced = forceFrom === undefined || forceFrom === true ? {} : { forceFrom };
    return {
      ...account,
      ...orderOf(send),
      ...(mailbox === undefined ? {} : { mailbox }),
      mailboxes,
      mailboxFrom: from,
      senders: sentAs.map(addressOf),
      otherSenders:
        forceFrom === true ? [] : otherSenders({ mailbox: mailbox ?? account.username, senders: foreign, ...forced }),
    };
  });
