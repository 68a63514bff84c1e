import type { Socket } from 'node:net';

/** What a client offers when it begins TLS (RFC 8446 section 4.1.2). */
export interface ClientHello {
  /** 0x0303 is TLS 1.2. */
  readonly versions: readonly number[];
  /** It wants to resume an earlier session. */
  readonly resumes: boolean;
  /** The name it wants to reach (RFC 6066 section 3), if it sends one. */
  readonly serverName: string | undefined;
}

const serverNames = 0;
const supportedVersions = 43;
const preSharedKey = 41;

/**
 * Reads the first record of a connection and puts it back, so that TLS can begin on the socket as if nothing had been
 * read.
 */
export async function readClientHello(socket: Socket): Promise<ClientHello> {
  let octets: Buffer = Buffer.alloc(0);
  while (octets.length < 5 || octets.length < 5 + octets.readUInt16BE(3)) {
    octets = Buffer.concat([octets, await nextPiece(socket)]);
  }
  socket.unshift(octets);
  return parse(octets.subarray(5));
}

function nextPiece(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('end', () => reject(new Error('ended')));
    socket.once('readable', () => {
      const piece = socket.read() as Buffer | null;
      if (piece === null) reject(new Error('ended'));
      else resolve(piece);
    });
  });
}

function parse(handshake: Buffer): ClientHello {
  let at = 4;
  const legacyVersion = handshake.readUInt16BE(at);
  at += 2 + 32;
  const sessionId = handshake.readUInt8(at);
  at += 1 + sessionId;
  at += 2 + handshake.readUInt16BE(at);
  at += 1 + handshake.readUInt8(at);
  const end = at + 2 + handshake.readUInt16BE(at);
  let versions: number[] = [legacyVersion];
  let resumes = false;
  let serverName: string | undefined;
  for (at += 2; at < end; ) {
    const type = handshake.readUInt16BE(at);
    const length = handshake.readUInt16BE(at + 2);
    const content = handshake.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    if (type === preSharedKey) resumes = true;
    // A list with one entry: its length, the kind of name, the name's length.
    if (type === serverNames) serverName = content.subarray(5).toString('latin1');
    if (type !== supportedVersions) continue;
    versions = Array.from({ length: content.readUInt8(0) / 2 }, (_, index) => content.readUInt16BE(1 + 2 * index));
  }
  return { versions, resumes, serverName };
}
