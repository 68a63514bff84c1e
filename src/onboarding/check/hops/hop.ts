import { BridgeError, errorText } from '../../../base/errors.ts';

/** The kinds of hops, in the order they are tried. */
export type HopName =
  | 'configuration'
  | 'reach'
  | 'tls'
  | 'discovery'
  | 'clock'
  | 'credential'
  | 'sign-in'
  | 'token'
  | 'permission'
  | 'mailbox'
  | 'sender'
  | 'test-message'
  | 'bridge'
  | 'listener'
  | 'admin'
  | 'passwords'
  | 'disk'
  | 'queue';

/** The result of a working hop. */
export interface Finding {
  /** What was seen, in a few words. */
  readonly detail?: string;
  /** It works, but not for long or not for everybody: what is wrong and what to do. */
  readonly warning?: string;
}

/** One thing to try. */
export interface Hop {
  /** Unique within a plan; other hops refer to it in `needs`. */
  readonly key: string;
  readonly name: HopName;
  /** What is tried: an endpoint, a resource, a mailbox with its protocol. */
  readonly target: string;
  /** Usernames of the accounts it serves; empty: all of the connection. */
  readonly accounts: readonly string[];
  /** The mailbox that it concerns, if any; or `*@domain`. */
  readonly mailbox?: string;
  /** Hops without which this one is useless. */
  readonly needs: readonly string[];
  /**
   * @returns what was found, or why the hop does not apply
   * @throws BridgeError what is wrong and how to fix it; `details.aadsts` and `details.said` are Microsoft's code and
   * words, and `details.spreading` means that a recent change may not have arrived yet
   */
  run(): Promise<Finding | { readonly notApplicable: string }>;
}

/** The result of one hop. Contains no secret and no token. */
export interface HopResult {
  /** Left out for hops of the bridge itself. */
  readonly connection?: string;
  /** Username, if the hop serves only one account. */
  readonly account?: string;
  /** Usernames of the accounts it serves, if not all of the connection. */
  readonly accounts?: readonly string[];
  readonly mailbox?: string;
  readonly hop: HopName;
  readonly target: string;
  /** `skipped`: not tried because a hop it needs failed, or not applicable. */
  readonly status: 'ok' | 'failed' | 'skipped';
  /** Duration in whole milliseconds. */
  readonly ms: number;
  /** What was found, or why the hop was skipped. */
  readonly detail?: string;
  readonly warning?: string;
  /** A code of docs/errors.md. */
  readonly code?: string;
  /** `AADSTS7000215` and the like. */
  readonly aadsts?: string;
  /** Microsoft's own words. */
  readonly said?: string;
  readonly cause?: string;
  readonly remedy?: string;
  /** Microsoft may only need time: permissions take up to two hours to arrive everywhere. */
  readonly spreading?: boolean;
}

/** A hop that is being tried. */
export type BegunHop = Pick<HopResult, 'connection' | 'account' | 'accounts' | 'mailbox' | 'hop' | 'target'>;

/**
 * Tries hops one after another, leaving out those that a failed one makes useless.
 * @param connection of the hops; undefined: the bridge's own
 * @param onBegin called before each hop is tried, but not for those left out. Must not throw
 */
export async function* runHops(
  connection: string | undefined,
  hops: readonly Hop[],
  onBegin: (hop: BegunHop) => void = () => {},
): AsyncGenerator<HopResult> {
  const broken = new Map<string, string>();
  for (const hop of hops) {
    const base: BegunHop = {
      ...(connection !== undefined && { connection }),
      ...(hop.accounts.length === 1 && { account: hop.accounts[0] as string }),
      ...(hop.accounts.length > 0 && { accounts: hop.accounts }),
      ...(hop.mailbox !== undefined && { mailbox: hop.mailbox }),
      hop: hop.name,
      target: hop.target,
    };
    const missing = hop.needs.find((key) => broken.has(key));
    if (missing !== undefined) {
      // Names the first cause, not the last link of the chain.
      const root = broken.get(missing) as string;
      broken.set(hop.key, root);
      yield { ...base, status: 'skipped', ms: 0, detail: `not tried: ${root} failed` };
      continue;
    }
    onBegin(base);
    const startedAt = performance.now();
    const outcome = await outcomeOf(hop);
    if (outcome.status === 'failed') broken.set(hop.key, `${hop.name} ${hop.target}`.trim());
    yield { ...base, ms: Math.round(performance.now() - startedAt), ...outcome };
  }
}

type Outcome = Omit<HopResult, 'connection' | 'account' | 'hop' | 'target' | 'ms'>;

async function outcomeOf(hop: Hop): Promise<Outcome> {
  try {
    const found = await hop.run();
    return 'notApplicable' in found ? { status: 'skipped', detail: found.notApplicable } : { status: 'ok', ...found };
  } catch (error) {
    return failureOf(error);
  }
}

/** What to report about a failed hop. */
export function failureOf(error: unknown): Outcome {
  if (!(error instanceof BridgeError)) {
    return { status: 'failed', cause: errorText(error), remedy: 'Unknown error: search for its code.' };
  }
  const { code, message: cause, remedy, details } = error;
  return {
    status: 'failed',
    code,
    ...(typeof details.aadsts === 'string' && { aadsts: details.aadsts }),
    ...(typeof details.said === 'string' && { said: details.said }),
    cause,
    remedy,
    ...(details.spreading === true && { spreading: true }),
  };
}
