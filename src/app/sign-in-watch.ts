import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { inBackground } from '../base/in-background.ts';
import type { Log } from '../base/log.ts';
import type { PersonalAccess } from './connections/tokens.ts';

/** A connection that may work on behalf of a person. */
export interface WatchedConnection {
  readonly name: string;
  readonly person: PersonalAccess | undefined;
}

/** What {@link watchSignIns} needs. */
export interface SignInWatchOptions {
  /** Connections of the configuration in force. */
  connections(): Iterable<WatchedConnection>;
  /** Somebody has signed in for one of them. */
  onSignIn(): Promise<void>;
  /** Whether the sign-ins are in a store that instances share, so that somebody waits on another machine. */
  readonly isShared?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 10_000;
const lookAtSharedMs = 2_000;

/**
 * Notices within seconds that somebody has signed in, which happens in another process: `mailbridge login`. Mail that
 * waited for it need not wait until its next attempt is due.
 * @returns a function that ends the watch
 */
export function watchSignIns({ connections, onSignIn, isShared, clock, log }: SignInWatchOptions): () => void {
  const known = new Map<string, number | undefined>();
  let stopped = false;
  let cancel = () => {};
  const lookThrough = async () => {
    const changed: string[] = [];
    for (const { name, person } of connections()) {
      if (!person) continue;
      const signedInAtMs = await signedInAt(person, known.get(name));
      if (known.has(name) && signedInAtMs !== undefined && signedInAtMs !== known.get(name)) changed.push(name);
      known.set(name, signedInAtMs);
    }
    if (stopped) return;
    for (const connection of changed) log.info({ connection }, 'sign-in found: retrying deferred mail');
    if (changed.length > 0) await onSignIn();
  };
  /** Whatever fails may work the next time. */
  const look = () => {
    inBackground(
      () =>
        lookThrough().finally(() => {
          if (!stopped) cancel = clock.after(isShared ? lookAtSharedMs : lookMs, look);
        }),
      log,
      'cannot read the sign-in state',
    );
  };
  look();
  return () => {
    stopped = true;
    cancel();
  };
}

/** When the usable sign-in was made; one that cannot be opened does not count. @param before the previous result */
async function signedInAt({ store }: PersonalAccess, before: number | undefined): Promise<number | undefined> {
  try {
    const signIn = await store.read();
    return signIn?.ended === undefined ? signIn?.signedInAtMs : undefined;
  } catch (error) {
    if (error instanceof BridgeError) return error.code === 'shared-store-unavailable' ? before : undefined;
    throw error;
  }
}
