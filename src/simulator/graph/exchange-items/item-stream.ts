import { z } from 'zod';
import type { StoredProperty } from '../../mailboxes/stored-message.ts';
import { GraphFault } from '../graph-error.ts';

/** An item as a stream contains it. */
export interface StreamedItem {
  readonly mime: Buffer;
  readonly isRead: boolean;
  /** Whether it is a draft. */
  readonly isUnsent: boolean;
  readonly receivedAt: Date;
  /** IMAP flags besides `\Seen` and `\Draft`. */
  readonly flags: readonly string[];
  readonly properties: readonly StoredProperty[];
}

/*
 * Microsoft's stream is a FastTransfer stream, meant only for Exchange. This one has the same form ([MS-OXCFXICS]
 * section 2.2.4.1): each property has its type and its id, two bytes each, then its value; string and binary values are
 * preceded by their length in four bytes; numbers are little-endian.
 */
const start = Buffer.from('MBXITEM1');

const types = { integer32: 0x0003, time: 0x0040, string: 0x001f, binary: 0x0102 } as const;

const ids = {
  /** PidTagMessageFlags. */
  messageFlags: 0x0e07,
  /** PidTagMessageDeliveryTime. */
  receivedAt: 0x0e06,
  /** IMAP flags, separated by a space. */
  flags: 0x6800,
  /** Properties set by clients, as JSON. */
  properties: 0x6801,
  /** PidTagMimeSkeleton; here the whole message. It comes last. */
  mime: 0x64f0,
} as const;

/** Bits of PidTagMessageFlags ([MS-OXCMSG] section 2.2.1.6). */
const bits = { read: 1, unsent: 8 } as const;

/** Milliseconds from the beginning of 1601, where a FILETIME starts, to 1970. */
const since1601 = 11_644_473_600_000n;

export function writeItem({ mime, isRead, isUnsent, receivedAt, flags, properties }: StreamedItem): Buffer {
  const fileTime = Buffer.alloc(8);
  fileTime.writeBigInt64LE((BigInt(receivedAt.getTime()) + since1601) * 10_000n);
  return Buffer.concat([
    start,
    property(types.string, ids.flags, lengthThen(Buffer.from(flags.join(' '), 'utf16le'))),
    property(types.string, ids.properties, lengthThen(Buffer.from(JSON.stringify(properties), 'utf16le'))),
    property(types.integer32, ids.messageFlags, int32((isRead ? bits.read : 0) | (isUnsent ? bits.unsent : 0))),
    property(types.time, ids.receivedAt, fileTime),
    property(types.binary, ids.mime, lengthThen(mime)),
  ]);
}

/** @throws GraphFault 400 for anything {@link writeItem} could not have written */
export function readItem(stream: Buffer): StreamedItem {
  const values = readProperties(stream);
  const mime = values.get(ids.mime);
  const messageFlags = values.get(ids.messageFlags)?.readInt32LE();
  const fileTime = values.get(ids.receivedAt)?.readBigInt64LE();
  if (mime === undefined || messageFlags === undefined || fileTime === undefined) throw corrupt();
  return {
    mime,
    isRead: (messageFlags & bits.read) !== 0,
    isUnsent: (messageFlags & bits.unsent) !== 0,
    receivedAt: new Date(Number(fileTime / 10_000n - since1601)),
    flags: (values.get(ids.flags)?.toString('utf16le') ?? '').split(' ').filter((flag) => flag !== ''),
    properties: propertiesIn(values.get(ids.properties)?.toString('utf16le') ?? '[]'),
  };
}

const written = z.array(z.object({ id: z.string(), value: z.string() }));

function propertiesIn(text: string): readonly StoredProperty[] {
  try {
    return written.parse(JSON.parse(text));
  } catch {
    throw corrupt();
  }
}

function readProperties(stream: Buffer): ReadonlyMap<number, Buffer> {
  if (!stream.subarray(0, start.length).equals(start)) throw corrupt();
  const values = new Map<number, Buffer>();
  let at = start.length;
  const take = (length: number) => {
    if (length > stream.length - at) throw corrupt();
    at += length;
    return stream.subarray(at - length, at);
  };
  while (at < stream.length) {
    const head = take(4);
    const type = head.readUInt16LE();
    const fixed = type === types.integer32 ? 4 : type === types.time ? 8 : undefined;
    if (fixed === undefined && type !== types.string && type !== types.binary) throw corrupt();
    values.set(head.readUInt16LE(2), take(fixed ?? take(4).readUInt32LE()));
  }
  return values;
}

function property(type: number, id: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(type);
  head.writeUInt16LE(id, 2);
  return Buffer.concat([head, value]);
}

function int32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value);
  return octets;
}

function lengthThen(value: Buffer): Buffer {
  return Buffer.concat([int32(value.length), value]);
}

function corrupt(): GraphFault {
  return new GraphFault(400, 'ErrorCorruptData', 'The data is no item that was exported.');
}
