import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Caller } from './role.ts';
import type { KnownToken } from './tokens.ts';

/** A sign-in that lasts for a while. */
export interface AdminSession extends Caller {
  /** Sent by a page with each change; a page elsewhere cannot know it. */
  readonly csrfToken: string;
  /** The token that it began with, if it did: it ends with that. */
  readonly token?: KnownToken;
}

interface KeptSession extends AdminSession {
  readonly startedAtMs: number;
  lastUsedAtMs: number;
  readonly onEnd: Set<() => void>;
}

const hourMs = 3_600_000;
export const idleLimitMs = 12 * hourMs;
export const absoluteLimitMs = 7 * 24 * hourMs;
/** For people whose groups Entra ID only reports at sign-in. */
export const oidcLimitMs = 12 * hourMs;
const maxSessions = 1_000;
/** How often expired sessions are removed. */
const sweepMs = 60_000;

/** The sign-ins in force, in memory: after a restart everybody has to sign in again. */
export class AdminSessions {
  readonly #clock: Clock;
  /** By the digest of their ids, least recently used first: the contents cannot be used to sign in. */
  readonly #kept = new Map<string, KeptSession>();
  readonly #lasting = new Set<AdminSession>();
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a session. If there are too many, the least recently used one ends. @returns its id, for the cookie */
  begin(caller: Caller, token?: KnownToken): { readonly id: string; readonly session: AdminSession } {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= maxSessions && oldest !== undefined) this.#end(oldest);
    const id = randomBytes(32).toString('base64url');
    const nowMs = this.#clock.now();
    const session: KeptSession = {
      ...caller,
      ...(token && { token }),
      csrfToken: randomBytes(32).toString('base64url'),
      startedAtMs: nowMs,
      lastUsedAtMs: nowMs,
      onEnd: new Set(),
    };
    this.#kept.set(keyOf(id), session);
    this.#lasting.add(session);
    this.#cancelSweep ??= this.#clock.after(sweepMs, () => this.#sweep());
    return { id, session };
  }

  /** The session of an id, which counts as used now; undefined if there is none, or no longer. */
  use(id: string): AdminSession | undefined {
    const key = keyOf(id);
    const session = this.#kept.get(key);
    if (session === undefined) return undefined;
    if (this.#isOver(session)) {
      this.#end(key);
      return undefined;
    }
    session.lastUsedAtMs = this.#clock.now();
    this.#kept.delete(key);
    this.#kept.set(key, session);
    return session;
  }

  end(id: string): void {
    this.#end(keyOf(id));
  }

  /** Whether a session still lasts; does not count as a use. */
  lasts(session: AdminSession): boolean {
    return this.#lasting.has(session) && !this.#isOver(session as KeptSession);
  }

  /** Calls once when a session ends; at once if it has. @returns a function that cancels that */
  onEnd(session: AdminSession, told: () => void): () => void {
    if (!this.#lasting.has(session)) {
      told();
      return () => {};
    }
    const { onEnd } = session as KeptSession;
    onEnd.add(told);
    return () => void onEnd.delete(told);
  }

  /** Ends all of them. */
  close(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const key of [...this.#kept.keys()]) this.#end(key);
  }

  get size(): number {
    return this.#kept.size;
  }

  #sweep(): void {
    this.#cancelSweep = undefined;
    for (const [key, session] of [...this.#kept]) if (this.#isOver(session)) this.#end(key);
    if (this.#kept.size > 0) this.#cancelSweep = this.#clock.after(sweepMs, () => this.#sweep());
  }

  #isOver({ startedAtMs, lastUsedAtMs, by }: KeptSession): boolean {
    const nowMs = this.#clock.now();
    const limitMs = by === 'oidc' ? oidcLimitMs : absoluteLimitMs;
    return nowMs - lastUsedAtMs >= idleLimitMs || nowMs - startedAtMs >= limitMs;
  }

  #end(key: string): void {
    const session = this.#kept.get(key);
    if (session === undefined) return;
    this.#kept.delete(key);
    this.#lasting.delete(session);
    for (const told of session.onEnd) told();
  }
}

/** Whether a request carries the token of its session. */
export function provesSession({ csrfToken }: AdminSession, given: unknown): boolean {
  if (typeof given !== 'string') return false;
  const [wanted, shown] = [csrfToken, given].map((text) => createHash('sha256').update(text).digest());
  return wanted !== undefined && shown !== undefined && timingSafeEqual(wanted, shown);
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64');
}
