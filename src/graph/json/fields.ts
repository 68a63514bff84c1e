import { parseAddressList, sameAddress } from '../../message/address/address.ts';
import type { HeaderBlock, HeaderField } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { oneLine } from '../../message/safe-text.ts';

/** A MAPI property by its id (Microsoft: "Outlook extended properties overview"). */
export interface ExtendedProperty {
  readonly id: string;
  readonly value: string;
}

/** The header of a message as properties of Graph's message, except recipients and senders. */
export interface JsonFields {
  readonly subject: string;
  readonly importance?: 'low' | 'high';
  readonly internetMessageId?: string;
  readonly isReadReceiptRequested?: true;
  readonly isDeliveryReceiptRequested?: true;
  readonly internetMessageHeaders?: readonly { readonly name: string; readonly value: string }[];
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

/** The fields, and those that cannot be expressed. */
export interface FieldSurvey {
  readonly fields: JsonFields;
  /** Names of fields that the JSON form leaves out; none that people see. */
  readonly dropped: readonly string[];
  /** Why the JSON form would change the message. */
  readonly obstacles: readonly string[];
}

/** More are refused (`InvalidInternetMessageHeaderCollection`). */
const maxHeaders = 5;
/** Each new name uses one of the mailbox's named properties, of which there are some thousands. */
const maxNamedProperties = 30;
/** Longest value; RFC 5322 allows lines of 998. */
const maxValueLength = 995;
/** Exchange keeps no more (Microsoft: "Subject", Exchange Web Services reference). */
const maxSubject = 255;

/** Header fields that have a property of their own ([MS-OXCMAIL] sections 2.2.3.2 and 2.2.3.3). */
const taggedProperties: Readonly<Record<string, string>> = {
  references: 'String 0x1039',
  'in-reply-to': 'String 0x1042',
  'list-help': 'String 0x1043',
  'list-subscribe': 'String 0x1044',
  'list-unsubscribe': 'String 0x1045',
};

/** The property of a header field without one of its own: PS_INTERNET_HEADERS, under its name. */
export function headerProperty(name: string): string {
  return `String {00020386-0000-0000-C000-000000000046} Name ${name}`;
}

/** Expressed by other properties, or by Exchange itself when it sends. */
const toldOtherwise = new Set(
  `from sender reply-to to cc bcc subject date message-id mime-version importance priority x-priority x-msmail-priority
  sensitivity disposition-notification-to return-receipt-to`.split(/\s+/),
);
/**
 * Traces of the way here, fields that Exchange adds, signatures that only hold for the MIME form, and our own fields.
 */
const trace =
  /^(?:content-|resent-|x-mailbridge-|received|return-path$|delivered-to$|dkim-signature$|domainkey-signature$|arc-|authentication-results$|x-received$|x-ms-|x-microsoft-|x-originating-ip$|x-mimeole$|thread-topic$|thread-index$)/;

/** Only one of each is allowed (RFC 5322 section 3.6), and readers differ in which of two they take. */
const single = ['From', 'Sender', 'Reply-To', 'Message-ID', 'In-Reply-To', 'References', 'Subject'];

const sensitivities: Readonly<Record<string, string>> = { personal: '1', private: '2', 'company-confidential': '3' };

/** Maps the header of a message to the JSON form. */
export function surveyFields(header: HeaderBlock): FieldSurvey {
  const repeated = single.filter((name) => header.getAll(name).length > 1);
  const obstacles = repeated.map((name) => `it has the field ${name} twice`);
  if (parseAddressList(header.get('From') ?? '').addresses.length > 1) obstacles.push('it has several authors');
  for (const [field, receipt] of receiptFields) {
    if (receiptOf(header, field) === 'to-others')
      obstacles.push(`it asks for a ${receipt} receipt to another address than From`);
  }
  const others = otherFields(header);
  const fields = jsonFields(header, others);
  if (fields.subject.length > maxSubject) obstacles.push(`its subject is longer than ${maxSubject} characters`);
  return { fields, dropped: others.dropped, obstacles };
}

function jsonFields(header: HeaderBlock, others: OtherFields): JsonFields {
  const importance = importanceOf(header);
  const messageId = /<[^\s<>]+>/.exec(header.get('Message-ID') ?? '')?.[0];
  const sensitivity = sensitivities[(header.get('Sensitivity') ?? '').toLowerCase()];
  const properties = [...others.properties];
  // PidTagSensitivity.
  if (sensitivity !== undefined) properties.push({ id: 'Integer 0x36', value: sensitivity });
  return {
    subject: decodedText(header.get('Subject') ?? ''),
    ...(importance && { importance }),
    ...(messageId !== undefined && { internetMessageId: messageId }),
    ...(receiptOf(header, 'Disposition-Notification-To') === 'to-author' && { isReadReceiptRequested: true }),
    ...(receiptOf(header, 'Return-Receipt-To') === 'to-author' && { isDeliveryReceiptRequested: true }),
    ...(others.headers.length > 0 && { internetMessageHeaders: others.headers }),
    ...(properties.length > 0 && { singleValueExtendedProperties: properties }),
  };
}

const receiptFields = [
  ['Disposition-Notification-To', 'read'],
  ['Return-Receipt-To', 'delivery'],
] as const;

/** Graph has a property that requests the receipt, but none for its address: Exchange sends it to From. */
function receiptOf(header: HeaderBlock, field: string): 'none' | 'to-author' | 'to-others' {
  const wanted = header.getAll(field).flatMap((value) => parseAddressList(value).addresses);
  if (wanted.length === 0) return 'none';
  const [author] = parseAddressList(header.get('From') ?? '').addresses;
  const isAuthor = ({ address }: { readonly address: string }) =>
    author !== undefined && sameAddress(address, author.address);
  return wanted.every(isAuthor) ? 'to-author' : 'to-others';
}

interface OtherFields {
  readonly headers: { readonly name: string; readonly value: string }[];
  readonly properties: ExtendedProperty[];
  readonly dropped: string[];
}

function otherFields(header: HeaderBlock): OtherFields {
  const told: OtherFields = { headers: [], properties: [], dropped: [] };
  const seen = new Set<string>();
  for (const field of header.fields) {
    const name = field.name.toLowerCase();
    if (toldOtherwise.has(name) || trace.test(name)) continue;
    if (seen.has(name) || !tell(field, name, told)) told.dropped.push(field.name);
    seen.add(name);
  }
  return told;
}

function tell(field: HeaderField, name: string, told: OtherFields): boolean {
  const value = decodedText(field.value());
  const tag = taggedProperties[name];
  if (value === '' || !/^[!-9;-~]{1,100}$/.test(name)) return false;
  if (tag !== undefined) told.properties.push({ id: tag, value });
  else if (value.length > maxValueLength) return false;
  else if (name.startsWith('x-') && told.headers.length < maxHeaders) told.headers.push({ name: field.name, value });
  else if (told.properties.length < maxNamedProperties) told.properties.push({ id: headerProperty(field.name), value });
  else return false;
  return true;
}

function decodedText(value: string): string {
  return oneLine(decodedWords(value), 20_000);
}

/** Importance (RFC 4021), else the fields of older programs. */
function importanceOf(header: HeaderBlock): 'low' | 'high' | undefined {
  const said = ['Importance', 'X-Priority', 'X-MSMail-Priority', 'Priority'].map((name) =>
    header.get(name)?.toLowerCase(),
  );
  const word = said.find((value) => value !== undefined) ?? '';
  if (/^(?:high|urgent|[12]\b)/.test(word)) return 'high';
  if (/^(?:low|non-urgent|[45]\b)/.test(word)) return 'low';
  return undefined;
}
