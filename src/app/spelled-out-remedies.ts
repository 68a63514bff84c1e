import { parseAddressList } from '../message/addresses.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import { headerStart } from '../message/message-start.ts';
import { quoted } from '../onboarding/powershell.ts';

/**
 * A report whose remedies name the true mailbox and the true address in From where the tables of refusals say MAILBOX
 * and ADDRESS, quoted so that a command can be pasted into PowerShell, whatever a message says of its sender.
 */
export async function withSpelledOutRemedies(
  report: DeliveryReport,
  message: OutgoingMessage,
): Promise<DeliveryReport> {
  if (!report.recipients.some(({ remedy }) => remedy !== undefined && /\b(?:MAILBOX|ADDRESS)\b/.test(remedy))) {
    return report;
  }
  const from = await fromAddress(message);
  const recipients = report.recipients.map((outcome) => {
    const { remedy, text } = outcome;
    if (remedy === undefined) return outcome;
    // `SendAsDenied; a@x not allowed to send as b@y; STOREDRV…`: Exchange's own word is the surest.
    const named = /not allowed to send as ([^\s;]+@[^\s;]+)/.exec(text)?.[1];
    const words = { MAILBOX: message.mailbox, ADDRESS: named ?? from };
    return { ...outcome, remedy: remedy.replace(/\b(?:MAILBOX|ADDRESS)\b/g, (word) => spelledOut(words, word)) };
  });
  return { ...report, recipients };
}

function spelledOut(words: Readonly<Record<string, string>>, word: string): string {
  try {
    return quoted(words[word] ?? word);
  } catch {
    return word;
  }
}

/** The first address in From that is not the mailbox's, else the reverse-path: what Exchange can have refused. */
async function fromAddress(message: OutgoingMessage): Promise<string> {
  const { mailbox, envelope } = message;
  const isOther = (address: string) => address !== '' && address.toLowerCase() !== mailbox.toLowerCase();
  const header = await headerStart(message.open()).catch(() => undefined);
  const addresses = (header?.getAll('From') ?? []).flatMap((value) => parseAddressList(value).addresses);
  return [...addresses.map(({ address }) => address), envelope.reversePath].find(isOther) ?? mailbox;
}
