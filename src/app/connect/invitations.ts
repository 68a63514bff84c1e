import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ConnectInvitation } from '../../admin/connect/port.ts';
import { BridgeError } from '../../base/errors.ts';
import { type RecordTable, recordKinds, type StoredRecord, sharedStoreUnavailable } from '../../base/record-table.ts';

/** A stored invitation, which does not contain the secret of its link. */
interface KeptInvitation extends ConnectInvitation {
  /** SHA-256 of the secret in the link; base64. */
  readonly digest: string;
}

/** The person invited, and for how long. */
export interface WantedInvitation {
  readonly address: string;
  /** Who invites. */
  readonly madeBy: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

const dayMs = 86_400_000;
/** How long a used or expired invitation is still listed. */
const shownAfterMs = 30 * dayMs;
const mostInvitations = 5_000;
/** 192 bits cannot be guessed, so one fast hash is enough. */
const secretBytes = 24;
const form = /^([0-9a-f]{12})\.([\w-]{32})$/;

/**
 * Invitations to `/connect`, in the store of the queue: every instance that shares it knows them. Each can be used
 * once, and only for its own address. All methods throw BridgeError `shared-store-unavailable`, or of the store.
 */
export class Invitations {
  readonly #records: RecordTable;

  constructor(records: RecordTable) {
    this.#records = records;
  }

  /** Newest first; including used and expired ones for thirty days. */
  async list(nowMs: number): Promise<ConnectInvitation[]> {
    const found = await this.#in((records) => records.list(recordKinds.invitation, nowMs));
    return [...found.values()]
      .map(({ value }) => withoutDigest(JSON.parse(value) as KeptInvitation))
      .toSorted((a, b) => b.madeAt.localeCompare(a.madeAt) || a.address.localeCompare(b.address));
  }

  /**
   * @returns the invitation and the token of its link, which is not stored
   * @throws BridgeError `connect-invitations-full`
   */
  async make(
    { address, madeBy, expiresAtMs }: WantedInvitation,
    nowMs: number,
  ): Promise<{ readonly invitation: ConnectInvitation; readonly token: string }> {
    const { size } = await this.#in((records) => records.list(recordKinds.invitation, nowMs));
    if (size >= mostInvitations) {
      throw new BridgeError('connect-invitations-full', `${size} invitations are kept already.`);
    }
    const id = randomBytes(6).toString('hex');
    const secret = randomBytes(secretBytes).toString('base64url');
    const invitation = {
      id,
      address: address.toLowerCase(),
      madeBy,
      madeAt: new Date(nowMs).toISOString(),
      expiresAt: new Date(expiresAtMs).toISOString(),
    };
    const kept: KeptInvitation = { ...invitation, digest: digestOf(secret).toString('base64') };
    await this.#in((records) => records.put(recordKinds.invitation, id, JSON.stringify(kept), keptFor(kept)));
    return { invitation, token: `${id}.${secret}` };
  }

  /** Whether a link admits this address now. */
  async isOpen(token: string, address: string, nowMs: number): Promise<boolean> {
    return (await this.#open(token, address, nowMs)) !== undefined;
  }

  /** Uses an invitation up. @returns its id; undefined: it is not valid for this address, or was used meanwhile */
  async use(token: string, address: string, nowMs: number): Promise<string | undefined> {
    const found = await this.#open(token, address, nowMs);
    if (!found) return undefined;
    const { kept, version } = found;
    const used: KeptInvitation = { ...kept, usedAt: new Date(nowMs).toISOString() };
    const options = { ...keptFor(kept), ifVersion: version };
    const written = await this.#in((records) =>
      records.put(recordKinds.invitation, kept.id, JSON.stringify(used), options),
    );
    return written === undefined ? undefined : kept.id;
  }

  /** Ends an invitation. What was made with it stays. @throws BridgeError `connect-invitation-unknown` */
  async revoke(id: string, nowMs: number): Promise<ConnectInvitation> {
    const found = await this.#in((records) => records.get(recordKinds.invitation, id, nowMs));
    if (!found) throw new BridgeError('connect-invitation-unknown', `The invitation "${id}" no longer exists.`);
    await this.#in((records) => records.delete(recordKinds.invitation, id));
    return withoutDigest(JSON.parse(found.value) as KeptInvitation);
  }

  async #open(
    token: string,
    address: string,
    nowMs: number,
  ): Promise<{ readonly kept: KeptInvitation; readonly version: number } | undefined> {
    const [, id, secret] = form.exec(token) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    const found = await this.#in<StoredRecord | undefined>((records) => records.get(recordKinds.invitation, id, nowMs));
    if (!found) return undefined;
    const kept = JSON.parse(found.value) as KeptInvitation;
    const isRight = timingSafeEqual(digestOf(secret), Buffer.from(kept.digest, 'base64'));
    const isOver = kept.usedAt !== undefined || nowMs >= Date.parse(kept.expiresAt);
    return isRight && !isOver && kept.address === address.toLowerCase() ? { kept, version: found.version } : undefined;
  }

  async #in<T>(work: (records: RecordTable) => Promise<T>): Promise<T> {
    try {
      return await work(this.#records);
    } catch (cause) {
      if (cause instanceof BridgeError) throw cause;
      throw sharedStoreUnavailable('Invitations are', cause);
    }
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function keptFor({ expiresAt }: ConnectInvitation) {
  return { expiresAtMs: Date.parse(expiresAt) + shownAfterMs };
}

function withoutDigest({ digest: _, ...invitation }: KeptInvitation): ConnectInvitation {
  return invitation;
}
