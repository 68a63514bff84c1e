import type { HeaderBlock } from '../header/fields.ts';
import { formatDate } from '../header/repair.ts';
import { decodedWords } from '../mime/encodings.ts';
import { hostToken, oneLine, wrapLine } from '../safe-text.ts';
import type { DeliveryStatusFacts, HandedIn, ReportedRecipient } from './facts.ts';

/** Creates the part of a delivery report for people: what happened, to whom, in Microsoft's words, and what to do. */
export function humanPart(facts: DeliveryStatusFacts, original: HeaderBlock, attached: 'header' | 'message'): string {
  const of = (wanted: ReportedRecipient['action']) => facts.recipients.filter(({ action }) => action === wanted);
  const [failed, delayed, relayed] = [of('failed'), of('delayed'), of('relayed')];
  const lines = [
    `This is mailbridge on ${hostToken(facts.reportingMta, 'localhost')}. It accepted this message for Microsoft 365:`,
    '',
    ...indented(`Subject: ${oneLine(decodedWords((original.get('Subject') ?? '').slice(0, 2000)), 300) || '(none)'}`),
    ...indented(`Accepted: ${formatDate(facts.arrivalDate)}`),
    ...indented(`Message-ID: ${oneLine(original.get('Message-ID') ?? '', 300) || '(none)'}`),
    ...(facts.handedIn ? handedInLines(facts.handedIn) : []),
    '',
  ];
  if (failed.length > 0) {
    lines.push('It could NOT be delivered to these recipients, and will not be tried again:', '');
    lines.push(...failed.flatMap(recipientLines));
  }
  if (delayed.length > 0) {
    lines.push('It has NOT YET been delivered to these recipients. Delivery is still being tried;');
    lines.push('you do not need to send it again:', '', ...delayed.flatMap(recipientLines));
    if (facts.willRetryUntil) lines.push(`It will be tried until ${formatDate(facts.willRetryUntil)}.`, '');
  }
  if (relayed.length > 0) {
    lines.push('Microsoft 365 has accepted it for these recipients. This notice was requested. Microsoft');
    lines.push('reports only failures, so no further notice follows if all goes well:', '');
    lines.push(...relayed.flatMap(recipientLines));
  }
  lines.push(`The ${attached} ${attached === 'header' ? 'of the message ' : ''}is attached.`, '');
  return lines.join('\r\n');
}

function handedInLines({ account, sender, client }: HandedIn): string[] {
  return [
    ...indented(`Account: ${oneLine(account, 300)}`),
    ...indented(`Sender: ${sender === '' ? '(null reverse-path)' : `<${oneLine(sender, 320)}>`}`),
    ...(client === undefined ? [] : indented(`Client: ${oneLine(client, 400)}`)),
  ];
}

function recipientLines(recipient: ReportedRecipient): string[] {
  const [, type = '', text = ''] = /^([\w-]+);\s*(.*)/s.exec(recipient.diagnostic) ?? ['', '', recipient.diagnostic];
  const isUpstream = type !== '' && type !== 'x-mailbridge';
  return [
    ...indented(`<${oneLine(recipient.address, 320)}>`),
    ...indented(`${isUpstream ? 'Microsoft 365 answered' : 'Reason'}: ${oneLine(text)}`, 4),
    ...(recipient.remedy ? indented(`What to do: ${oneLine(recipient.remedy)}`, 4) : []),
    '',
  ];
}

function indented(line: string, by = 2): string[] {
  return wrapLine(line).map((piece, index) => `${' '.repeat(index === 0 ? by : by + 2)}${piece}`);
}
