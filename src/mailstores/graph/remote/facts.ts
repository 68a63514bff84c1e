import { flagsOf, propertyFlagsOf, propertyKey } from '../flags.ts';
import type { MessageFacts, PropertyFacts } from '../index/message-table.ts';
import { propertyIds } from './mail.ts';
import type { GraphAddress, GraphMessage } from './resources.ts';

/** The data of ENVELOPE, kept as JSON. Addresses are pairs of name and address. */
export interface EnvelopeFacts {
  readonly date?: string;
  readonly subject?: string;
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly from?: readonly NamedAddress[];
  readonly sender?: readonly NamedAddress[];
  readonly replyTo?: readonly NamedAddress[];
  readonly to?: readonly NamedAddress[];
  readonly cc?: readonly NamedAddress[];
  readonly bcc?: readonly NamedAddress[];
}

export type NamedAddress = readonly [name: string, address: string];

/** Reads a message's own properties; undefined for one without an ID. */
export function messageFacts(message: GraphMessage): MessageFacts | undefined {
  const { id, changeKey = '', receivedDateTime = '' } = message;
  if (id === undefined) return undefined;
  const receivedMs = Date.parse(receivedDateTime);
  return {
    id,
    changeKey,
    receivedMs: Number.isNaN(receivedMs) ? 0 : receivedMs,
    flags: flagsOf(message),
    envelope: JSON.stringify(envelopeOf(message)),
  };
}

/** Reads a message's extended properties; undefined for one without an ID. */
export function propertyFacts({ id, singleValueExtendedProperties = [] }: GraphMessage): PropertyFacts | undefined {
  if (id === undefined) return undefined;
  const properties = new Map(
    singleValueExtendedProperties.map(({ id: name = '', value = '' }) => [propertyKey(name), value]),
  );
  const size = Number(properties.get(propertyKey(propertyIds.messageSize)));
  return {
    id,
    flags: propertyFlagsOf(properties),
    size: size > 0 ? size : undefined,
    inReplyTo: properties.get(propertyKey(propertyIds.inReplyTo)),
    references: properties.get(propertyKey(propertyIds.references)),
  };
}

function envelopeOf(message: GraphMessage): EnvelopeFacts {
  const { sentDateTime, subject, internetMessageId, from, sender } = message;
  return {
    ...(sentDateTime !== undefined && { date: sentDateTime }),
    ...(subject !== undefined && { subject }),
    ...(internetMessageId !== undefined && { messageId: internetMessageId }),
    ...addresses('from', from && [from]),
    ...addresses('sender', sender && [sender]),
    ...addresses('replyTo', message.replyTo),
    ...addresses('to', message.toRecipients),
    ...addresses('cc', message.ccRecipients),
    ...addresses('bcc', message.bccRecipients),
  };
}

function addresses(name: keyof EnvelopeFacts, given: readonly GraphAddress[] = []) {
  const named = given.flatMap(({ emailAddress }): NamedAddress[] =>
    emailAddress?.address === undefined ? [] : [[emailAddress.name ?? '', emailAddress.address]],
  );
  return named.length === 0 ? {} : { [name]: named };
}
