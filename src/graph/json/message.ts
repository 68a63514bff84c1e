import type { ParsedAddress } from '../../message/address/address.ts';
import { parseAddressList } from '../../message/address/address.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { oneLine } from '../../message/safe-text.ts';
import { type ExtendedProperty, headerProperty } from './fields.ts';
import type { FaithfulForm } from './form.ts';

/** Whom a message goes to, according to the envelope. */
export interface JsonRecipients {
  readonly to: readonly ParsedAddress[];
  readonly cc: readonly ParsedAddress[];
  readonly bcc: readonly ParsedAddress[];
}

/** What replaces parts of a message's header. */
export interface JsonAddressing {
  readonly recipients: JsonRecipients;
  /** Default: the message's own. */
  readonly from?: ParsedAddress;
  /** Default: the message's own. */
  readonly sender?: ParsedAddress;
  /** Default: the message's own. */
  readonly replyTo?: readonly ParsedAddress[];
  /** A header field of ours by which the message is found again in Sent Items. */
  readonly marker?: { readonly field: string; readonly value: string };
}

interface Recipient {
  readonly emailAddress: { readonly address: string; readonly name?: string };
}

/**
 * The message in Graph's JSON form (Microsoft: "message resource type"), without attachments.
 * @param properties additional extended properties
 */
export function jsonMessage(
  form: FaithfulForm,
  addressing: JsonAddressing,
  properties: readonly ExtendedProperty[],
): Record<string, unknown> {
  const { header, fields, body } = form;
  const { recipients, marker } = addressing;
  const [from] = addressing.from ? [addressing.from] : addressesOf(header, 'From');
  const [sender] = addressing.sender ? [addressing.sender] : addressesOf(header, 'Sender');
  const replyTo = addressing.replyTo ?? addressesOf(header, 'Reply-To');
  const own = marker ? [{ id: headerProperty(marker.field), value: marker.value }] : [];
  const extended = [...(fields.singleValueExtendedProperties ?? []), ...own, ...properties];
  return {
    ...fields,
    body,
    ...(from && { from: recipient(from) }),
    ...(sender && { sender: recipient(sender) }),
    toRecipients: recipients.to.map(recipient),
    ccRecipients: recipients.cc.map(recipient),
    bccRecipients: recipients.bcc.map(recipient),
    ...(replyTo.length > 0 && { replyTo: replyTo.map(recipient) }),
    ...(extended.length > 0 && { singleValueExtendedProperties: extended }),
  };
}

/** Names without a domain reach nobody. */
function addressesOf(header: HeaderBlock, name: string): readonly ParsedAddress[] {
  return parseAddressList(header.get(name) ?? '').addresses.filter(({ address }) => address.includes('@'));
}

function recipient({ address, name }: ParsedAddress): Recipient {
  const shown = oneLine(decodedWords(name ?? ''), 255);
  return { emailAddress: { address, ...(shown !== '' && { name: shown }) } };
}
