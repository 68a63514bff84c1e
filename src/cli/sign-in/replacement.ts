import { BridgeError } from '../../base/errors.ts';
import type { SignIn, SignInStore } from '../../tokens/sign-ins/store.ts';
import type { SignedIn } from '../../tokens/sign-ins/user-sign-in.ts';
import { askLine } from '../terminal/ask-line.ts';
import type { SignInTerminal } from './terminal.ts';

/** A new sign-in, and the one that it would replace. */
export interface SignInTrial {
  readonly candidate: SignInStore;
  /** The connection's own store, which still contains the earlier sign-in. */
  readonly kept: SignInStore;
  readonly previous: SignIn;
}

/**
 * Lets another person replace the one who has signed in only if that is intended: asked on a terminal, stated with
 * `--replace` elsewhere.
 * @throws BridgeError `sign-in-other-person`
 */
export async function confirmReplacement(
  { name, replace }: { readonly name: string; readonly replace: boolean },
  { username: before }: SignIn,
  { username: now }: SignedIn,
  { io, signal }: SignInTerminal,
): Promise<void> {
  if (replace || isSame(before, now)) return;
  const told = `${now} has signed in, but connection "${name}" has a sign-in of ${before} that works.`;
  if (io.stdin.isTTY) {
    const answer = await askLine(io, `\n${told} Replace it? [y/N] `, signal);
    if (/^y(es)?$/i.test(answer?.trim() ?? '')) return;
  }
  throw otherPerson(`${told} It is kept.`, name, before, `mailbridge login ${name} --replace`);
}

/** Every service has to be requested on behalf of the same person. @throws BridgeError `sign-in-other-person` */
export function assertSamePerson(name: string, before: string, now: string): void {
  if (isSame(before, now)) return;
  throw otherPerson(`${before} signed in first, then ${now} in place of them.`, name, before, undefined);
}

function otherPerson(text: string, name: string, wanted: string, replace: string | undefined): BridgeError {
  const again = `Sign in as ${wanted}: mailbridge login ${name}.`;
  const remedy = replace === undefined ? again : `${again} To use the other one: ${replace}.`;
  return new BridgeError('sign-in-other-person', text, { remedy, details: { connection: name } });
}

/** Tries the hops: with the new sign-in, shown as they come; with the earlier one, only if needed. */
export interface SignInHops {
  /** @returns whether all of them work */
  withCandidate(): Promise<boolean>;
  withPrevious(): Promise<boolean>;
}

/**
 * Stores the new sign-in, unless its hops fail and those of the earlier one work.
 * @returns whether its hops work
 * @throws BridgeError `sign-in-kept`, or of a store
 */
export async function settleTrial(
  name: string,
  { candidate, kept, previous }: SignInTrial,
  hops: SignInHops,
  tell: (text: string) => void,
): Promise<boolean> {
  const works = await hops.withCandidate();
  const signIn = await candidate.read();
  if (!signIn) throw new Error('the sign-in on trial is gone');
  const person = isSame(previous.username, signIn.username) ? 'earlier sign-in' : `sign-in of ${previous.username}`;
  if (!works && (await hops.withPrevious())) {
    const text = `With this sign-in of ${signIn.username} a hop fails, and with the ${person} none does: that one is kept.`;
    throw new BridgeError('sign-in-kept', text, {
      remedy: `Sign in as ${previous.username}, or do what the hop says and sign in again: mailbridge login ${name}.`,
      details: { connection: name },
    });
  }
  await kept.replace(signIn);
  if (!works) tell(`\nThe ${person} does not work either: the new one is kept.`);
  else if (!isSame(previous.username, signIn.username)) tell(`\nThis replaces the ${person}.`);
  return works;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
