import { quoted } from '../../base/quoted-powershell.ts';
import { parseAddressList, sameAddress } from '../../message/address/address.ts';
import type { DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import { headerStart } from '../../message/message-start.ts';
import type { LoginOf } from '../login-of.ts';
import { mailboxMayNotSendAs, ownAddressRefused, personMayNotSendAs } from '../send-as-remedy.ts';
import type { CourierWrapper } from './wrapper.ts';

/**
 * Replaces MAILBOX, LOGIN and ADDRESS in the remedies of reports with the actual mailbox, login and address in From,
 * quoted so that a command can be pasted into PowerShell, whatever a message says about its sender.
 * @param loginOf the login for a mailbox
 */
export function spelledOutRemedies(loginOf: LoginOf): CourierWrapper {
  return (courier) => ({
    deliver: async (message, signal) => spelledOut(await courier.deliver(message, signal), message, loginOf),
  });
}

async function spelledOut(report: DeliveryReport, message: OutgoingMessage, loginOf: LoginOf): Promise<DeliveryReport> {
  if (!report.recipients.some(({ remedy }) => remedy !== undefined && placeholders.test(remedy))) return report;
  const { mailbox } = message;
  // If the sign-in cannot be read, the login is unknown; the report says so anyway.
  const login = await loginOf(mailbox).catch(() => mailbox);
  const from = await senderAddress(message, login);
  const recipients = report.recipients.map((outcome) => {
    const { remedy, text } = outcome;
    if (remedy === undefined) return outcome;
    // `SendAsDenied; a@x not allowed to send as b@y; STOREDRV…`: Exchange's own text is the most reliable.
    const address = /not allowed to send as ([^\s;]+@[^\s;]+)/.exec(text)?.[1] ?? from;
    const fitting = remedy === mailboxMayNotSendAs ? senderRemedy(mailbox, login, address) : remedy;
    const words = { MAILBOX: mailbox, LOGIN: login, ADDRESS: address };
    return { ...outcome, remedy: fitting.replace(new RegExp(placeholders, 'g'), (word) => quotedWord(words, word)) };
  });
  return { ...report, recipients };
}

const placeholders = /\b(?:MAILBOX|LOGIN|ADDRESS)\b/;

/** The remedy after a sender was refused. */
function senderRemedy(mailbox: string, login: string, address: string): string {
  if (sameAddress(address, login)) return ownAddressRefused;
  return sameAddress(mailbox, login) ? mailboxMayNotSendAs : personMayNotSendAs;
}

function quotedWord(words: Readonly<Record<string, string>>, word: string): string {
  try {
    return quoted(words[word] ?? word);
  } catch {
    return word;
  }
}

/** The first address that is not the login's: in From, in Sender, or the reverse-path. Exchange refuses any of them. */
async function senderAddress(message: OutgoingMessage, login: string): Promise<string> {
  const header = await headerStart(message.open()).catch(() => undefined);
  const addresses = ['From', 'Sender']
    .flatMap((name) => header?.getAll(name) ?? [])
    .flatMap((value) => parseAddressList(value).addresses)
    .map(({ address }) => address);
  const isOther = (address: string) => address !== '' && !sameAddress(address, login);
  return [...addresses, message.envelope.reversePath].find(isOther) ?? login;
}
