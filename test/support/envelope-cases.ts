import { alice, bob, reports } from './relay.ts';

/** A header and an envelope, independent of each other. */
export interface EnvelopeCase {
  readonly name: string;
  /** Header fields that name recipients, or seem to. */
  readonly header: readonly string[];
  readonly envelope: readonly string[];
  /** Default: the account's mailbox. */
  readonly reversePath?: string;
  /** Envelope recipients that duplicate another one. */
  readonly same?: readonly string[];
  /** Parameters of RCPT TO. */
  readonly parameters?: string;
}

const carol = 'carol@contoso.com';
const dave = 'dave@fabrikam.com';
const erin = 'erin@fabrikam.com';
const idn = 'post@xn--bcher-kva.example';
const idnAsWritten = 'post@bücher.example';

/** Mailboxes of the tenant in addition to those of the relay. */
export const moreMailboxes = [carol, 'alice+tag@contoso.com', "o'neill@contoso.com"];

const many = (count: number, domain: string) => Array.from({ length: count }, (_, n) => `u${n}@${domain}`);

function fold(name: string, addresses: readonly string[]): string {
  return `${name}: ${addresses.join(',\r\n ')}`;
}

const named: readonly EnvelopeCase[] = [
  { name: 'To alone', header: [`To: ${alice}`], envelope: [alice] },
  { name: 'To and Cc', header: [`To: ${alice}`, `Cc: ${bob}`], envelope: [alice, bob] },
  { name: 'two in To', header: [`To: ${alice}, ${bob}`], envelope: [alice, bob] },
  { name: 'in another order', header: [`To: ${alice}, ${bob}`], envelope: [bob, alice] },
  { name: 'display names', header: [`To: "Liddell, Alice" <${alice}>, Bob <${bob}>`], envelope: [alice, bob] },
  { name: 'an encoded-word', header: [`To: =?utf-8?Q?J=C3=B6rg?= <${alice}>`], envelope: [alice] },
  {
    name: 'an encoded-word with a comma',
    header: [`To: =?utf-8?Q?L=2C_A?= <${alice}>, ${bob}`],
    envelope: [alice, bob],
  },
  { name: 'a name with an address in it', header: [`To: "${carol}" <${alice}>`], envelope: [alice] },
  { name: 'a comment', header: [`To: ${alice} (Alice)`], envelope: [alice] },
  { name: 'a folded field', header: [`To: ${alice},\r\n\t${bob}`], envelope: [alice, bob] },
  { name: 'a group', header: [`To: Friends: ${alice}, ${bob};`], envelope: [alice, bob] },
  { name: 'a group and one more', header: [`To: Friends: ${alice};, ${dave}`], envelope: [alice, dave] },
  { name: 'other case in the header', header: ['To: ALICE@Contoso.COM'], envelope: [alice] },
  { name: 'other case in the envelope', header: [`To: ${alice}`], envelope: ['Alice@CONTOSO.com'] },
  { name: 'named in To and Cc', header: [`To: ${alice}`, `Cc: ${alice}, ${bob}`], envelope: [alice, bob] },
  { name: 'named twice in To', header: [`To: ${alice}, ${alice}`], envelope: [alice] },
  { name: 'two To fields', header: [`To: ${alice}`, `To: ${bob}`], envelope: [alice, bob] },
  { name: 'the sender himself', header: [`To: ${reports}`], envelope: [reports] },
  { name: 'a tag', header: ['To: alice+tag@contoso.com'], envelope: ['alice+tag@contoso.com'] },
  {
    name: 'a tag and without',
    header: [`To: ${alice}, alice+tag@contoso.com`],
    envelope: [alice, 'alice+tag@contoso.com'],
  },
  { name: 'an apostrophe', header: ["To: o'neill@contoso.com"], envelope: ["o'neill@contoso.com"] },
  { name: 'an IDN in ASCII', header: [`To: ${idn}`], envelope: [idn] },
  { name: 'outside the tenant', header: [`To: ${dave}`, `Cc: ${erin}`], envelope: [dave, erin] },
  { name: 'inside and outside', header: [`To: ${alice}`, `Cc: ${dave}`], envelope: [alice, dave] },
];

const hidden: readonly EnvelopeCase[] = [
  { name: 'one hidden', header: [`To: ${alice}`], envelope: [alice, bob] },
  { name: 'one hidden outside', header: [`To: ${alice}`], envelope: [alice, dave] },
  { name: 'two hidden', header: [`To: ${alice}`], envelope: [alice, bob, dave] },
  { name: 'all hidden, no To', header: [], envelope: [alice, bob] },
  { name: 'one hidden, no To', header: [], envelope: [dave] },
  { name: 'undisclosed recipients', header: ['To: undisclosed-recipients:;'], envelope: [alice, dave] },
  { name: 'an empty To', header: ['To:'], envelope: [alice] },
  { name: 'an empty Cc', header: [`To: ${alice}`, 'Cc:'], envelope: [alice, bob] },
  { name: 'with its Bcc', header: [`To: ${alice}`, `Bcc: ${bob}`], envelope: [alice, bob] },
  { name: 'Bcc alone', header: [`Bcc: ${bob}`], envelope: [bob] },
  { name: 'two Bcc fields', header: [`To: ${alice}`, `Bcc: ${bob}`, `BCC: ${dave}`], envelope: [alice, bob, dave] },
  { name: 'a Bcc that is not in the envelope', header: [`To: ${alice}`, `Bcc: ${carol}`], envelope: [alice] },
  { name: 'a folded Bcc', header: [`To: ${alice}`, `bcc: ${bob},\r\n ${dave}`], envelope: [alice, bob, dave] },
  { name: 'a Bcc in the name of a field', header: [`To: ${alice}`, `X-Bcc: ${carol}`], envelope: [alice, bob] },
  { name: 'hidden in another case', header: [`To: ${alice}`], envelope: [alice, 'BOB@contoso.com'] },
  { name: 'the sender hidden', header: [`To: ${dave}`], envelope: [dave, reports] },
  { name: 'a hidden IDN', header: [`To: ${alice}`], envelope: [alice, idn] },
  { name: 'Resent-Bcc', header: [`To: ${alice}`, `Resent-Bcc: ${bob}`], envelope: [alice, bob] },
  {
    name: 'several envelopes of one mailbox',
    header: [`To: ${alice}`],
    envelope: [alice, bob, 'Bob@Contoso.com'],
    same: ['Bob@Contoso.com'],
  },
];

const narrower: readonly EnvelopeCase[] = [
  { name: 'To names one more', header: [`To: ${alice}, ${bob}`], envelope: [alice] },
  { name: 'Cc names one more', header: [`To: ${alice}`, `Cc: ${bob}`], envelope: [alice] },
  { name: 'To names others altogether', header: [`To: ${bob}`], envelope: [alice] },
  { name: 'To names others, Cc too', header: [`To: ${bob}`, `Cc: ${dave}`], envelope: [alice, erin] },
  { name: 'split by domain: our half', header: [`To: ${alice}, ${dave}`], envelope: [alice] },
  { name: 'split by domain: their half', header: [`To: ${alice}, ${dave}`], envelope: [dave] },
  { name: 'a list, expanded', header: ['To: everybody@lists.example'], envelope: [alice, bob, dave] },
  { name: 'one more and one hidden', header: [`To: ${alice}, ${bob}`], envelope: [alice, dave] },
  { name: 'resent', header: [`To: ${bob}`, `Resent-To: ${alice}`, `Resent-From: ${reports}`], envelope: [alice] },
  {
    name: 'resent with a copy',
    header: [`To: ${bob}`, `Resent-To: ${alice}`, `Resent-Cc: ${dave}`],
    envelope: [alice, dave],
  },
  { name: 'a group of which one', header: [`To: Friends: ${alice}, ${bob};`], envelope: [alice] },
  { name: 'a group and undisclosed ones', header: ['To: undisclosed-recipients:;', `Cc: ${bob}`], envelope: [alice] },
  { name: 'a tag is somebody else', header: ['To: alice+tag@contoso.com'], envelope: [alice] },
  { name: 'named twice, of which one', header: [`To: ${alice}`, `Cc: ${alice}, ${bob}`], envelope: [alice] },
  { name: 'names that stay', header: [`To: "Liddell, Alice" <${alice}>, Bob <${bob}>`], envelope: [alice] },
  { name: 'two To fields, of which one', header: [`To: ${alice}`, `To: ${bob}`], envelope: [alice] },
  { name: 'with a Bcc that is in the envelope', header: [`To: ${bob}`, `Bcc: ${alice}`], envelope: [alice] },
  { name: 'an IDN as it is written', header: [`To: ${idnAsWritten}`], envelope: [alice] },
  { name: 'the sender is in To, and gets none', header: [`To: ${reports}, ${alice}`], envelope: [alice] },
];

const odd: readonly EnvelopeCase[] = [
  { name: 'the null reverse-path', header: [`To: ${alice}`], envelope: [alice, dave], reversePath: '' },
  { name: 'no report wanted', header: [`To: ${alice}`], envelope: [alice, bob], parameters: ' NOTIFY=NEVER' },
  { name: 'stray words in To', header: [`To: Alice <${alice}> and friends`], envelope: [alice] },
  { name: 'a missing semicolon', header: [`To: Friends: ${alice}, ${bob}`], envelope: [alice] },
  { name: 'an open quote', header: [`To: "Alice <${alice}>`], envelope: [alice] },
  { name: 'blanks for commas', header: [`To: ${alice} ${bob}`], envelope: [alice] },
  { name: 'empty members', header: [`To: ${alice},, ${bob},`], envelope: [alice, bob] },
  { name: '300 of one domain, hidden', header: [`To: ${alice}`], envelope: [alice, ...many(299, 'contoso.com')] },
  {
    name: '300 of one domain in To',
    header: [fold('To', many(300, 'fabrikam.com'))],
    envelope: many(300, 'fabrikam.com'),
  },
  {
    name: '300 in To, of which 201',
    header: [fold('To', many(300, 'fabrikam.com'))],
    envelope: many(201, 'fabrikam.com'),
  },
  {
    name: '700 hidden',
    header: [`To: ${alice}`],
    envelope: [alice, ...many(400, 'fabrikam.com'), ...many(299, 'x.example')],
  },
];

export const envelopeCases: readonly EnvelopeCase[] = [...named, ...hidden, ...narrower, ...odd];
