import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { FileLock } from '../../base/files/file-lock.ts';
import { readPrivateFile, writePrivateFile } from '../../base/files/private-file.ts';

const keyBytes = 32;
const lockTimeoutMs = 10_000;

/**
 * An invitation is what it says, signed with a key of the data folder: nothing is kept of it. Whoever has it still has to
 * sign in as the one who is invited.
 * @param expiresAtMs milliseconds since 1970
 * @throws BridgeError `connect-key-invalid`; LockTimeoutError; Error of the file system
 */
export async function makeInvitation(dataDir: string, address: string, expiresAtMs: number): Promise<string> {
  const key = (await readKey(dataDir)) ?? (await makeKey(dataDir));
  const said = Buffer.from(JSON.stringify([address.toLowerCase(), expiresAtMs])).toString('base64url');
  return `${said}.${signature(key, said)}`;
}

/** Whom an invitation is for; undefined for one that was not made here, or is over. */
export async function invitedAddress(dataDir: string, invitation: string, nowMs: number): Promise<string | undefined> {
  const [said = '', signed = ''] = invitation.split('.');
  const key = await readKey(dataDir);
  if (key === undefined || !isSame(signed, signature(key, said))) return undefined;
  const [address, expiresAtMs] = JSON.parse(Buffer.from(said, 'base64url').toString()) as [string, number];
  return nowMs < expiresAtMs ? address : undefined;
}

function signature(key: Buffer, said: string): string {
  return createHmac('sha256', key).update(`connect ${said}`).digest('base64url');
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function keyFile(dataDir: string): string {
  return join(dataDir, 'connect.key');
}

async function readKey(dataDir: string): Promise<Buffer | undefined> {
  const content = await keyContent(dataDir);
  return content?.length === keyBytes ? content : undefined;
}

async function keyContent(dataDir: string): Promise<Buffer | undefined> {
  return (await readPrivateFile(keyFile(dataDir), keyBytes + 1))?.content;
}

/** Two first invitations at the same time are signed with the same key: the second finds what the first has written. */
async function makeKey(dataDir: string): Promise<Buffer> {
  const file = keyFile(dataDir);
  const release = await new FileLock(`${file}.lock`, lockTimeoutMs).take();
  try {
    const found = await keyContent(dataDir);
    if (found?.length === keyBytes) return found;
    if (found) throw new BridgeError('connect-key-invalid', `${file} is no key of ${keyBytes} bytes.`);
    const key = randomBytes(keyBytes);
    await writePrivateFile(file, key);
    return key;
  } finally {
    release();
  }
}
