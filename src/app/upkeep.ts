import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import { inBackground } from '../base/in-background.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import { couriers } from '../couriers/registry.ts';
import { exactAddresses } from '../message/address/pattern.ts';
import { resourcesOf, usesOf } from '../onboarding/permissions.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import type { BridgeState } from './bridge-state.ts';

const dayMs = 24 * 3_600_000;

/** What upkeep needs. */
export interface UpkeepParts {
  readonly clock: Clock;
  readonly log: Log;
  state(): BridgeState;
  /** The owners of a connection's sign-ins, if each mailbox has its own. */
  signInOwners(connection: string): Promise<readonly string[]>;
  renewCertificates(config: Config): Promise<void>;
  /** Puts a configuration with renewed app certificates into force. */
  reload(config: Config): Promise<void>;
}

/**
 * Renews local certificates, those of apps, and sign-ins once a day, even if the bridge is never restarted. Looks for
 * drafts that an upload left behind, once after a crash may have left one and then once a day.
 * @returns a function that ends it
 */
export function startUpkeep(parts: UpkeepParts): () => void {
  const { clock, log, state, signInOwners, renewCertificates } = parts;
  const end = new AbortController();
  const renew = async () => {
    await renewAppCertificates(parts, end.signal);
    await renewSignIns(state().upstreams, { signInOwners, log });
  };
  const lookForDrafts = () => inBackground(() => sweepDrafts(state(), log), log, 'cannot look for abandoned drafts');
  const everyDay = () => {
    inBackground(() => renewCertificates(state().config), log, 'cannot renew the certificates');
    inBackground(renew, log, 'cannot renew the certificates of apps, and the sign-ins');
    lookForDrafts();
    cancelDaily = clock.after(dayMs, everyDay);
  };
  let cancelDaily = clock.after(dayMs, everyDay);
  const cancelAfterCrash = clock.after(2 * draftAgeMs, lookForDrafts);
  inBackground(renew, log, 'cannot renew the certificates of apps, and the sign-ins');
  return () => {
    end.abort();
    cancelDaily();
    cancelAfterCrash();
  };
}

/**
 * Requests the tokens that the accounts will need, so that a wrong secret is reported at the start and not by the first
 * message. Nothing waits for it; mail is accepted anyway.
 */
export async function proveConnections({ config, upstreams }: BridgeState, log: Log): Promise<void> {
  const needs = new Set<string>();
  for (const account of config.accounts) {
    for (const resource of resourcesOf(usesOf([account]))) needs.add(`${account.connection} ${resource}`);
  }
  for (const need of needs) {
    const [connection = '', resource] = need.split(' ') as [string, TokenResource];
    const upstream = upstreams.get(connection);
    // Missing sign-ins are reported by mailbox.
    if (upstream?.hasOwners) continue;
    try {
      await upstream?.getToken(resource);
    } catch (error) {
      if (upstream?.isClosed) return;
      const remedy = error instanceof BridgeError ? error.remedy : '';
      const passes = error instanceof BridgeError && error.kind === 'temporary';
      log[passes ? 'warn' : 'error'](
        { connection, resource, error },
        `connection ${connection} could not get a token for ${resource}: ${errorText(error)} ${remedy}`,
      );
    }
  }
}

async function renewAppCertificates({ clock, log, state, reload }: UpkeepParts, signal: AbortSignal): Promise<void> {
  const known = Object.values(state().config.connections).some(
    (connection) => 'applicationObjectId' in connection && connection.applicationObjectId !== undefined,
  );
  if (!known) return;
  // Most bridges never need it.
  const { renewClientCertificates } = await import('./connections/renew-certificates.ts');
  const renewed = await renewClientCertificates(state(), { clock, log, signal });
  if (renewed && !signal.aborted) await reload(renewed);
}

type SignInParts = Pick<UpkeepParts, 'signInOwners' | 'log'>;

/** A sign-in expires if it is not used for 90 days; this stays well below. */
const signInAgeMs = 7 * dayMs;

async function renewSignIns(upstreams: BridgeState['upstreams'], { signInOwners, log }: SignInParts): Promise<void> {
  for (const upstream of upstreams.values()) {
    if (!upstream.hasOwners) continue;
    const owners = await signInOwners(upstream.name).catch((error: unknown) => {
      log.error({ connection: upstream.name, error }, `cannot list the sign-ins of ${upstream.name}`);
      return [];
    });
    for (const owner of owners) upstream.ofOwner(owner);
  }
  for (const upstream of upstreams.all()) {
    const { name, person } = upstream;
    try {
      if (await person?.grant.renewIfOld(signInAgeMs)) log.info({ connection: name }, 'sign-in renewed');
    } catch (error) {
      if (upstream.isClosed) return;
      const remedy = error instanceof BridgeError ? error.remedy : '';
      log.error({ connection: name, error }, `cannot renew the sign-in of ${name}: ${errorText(error)} ${remedy}`);
    }
  }
}

/** Longer than any upload takes. */
const draftAgeMs = 3_600_000;

/** An upload interrupted by a crash leaves its draft. What cannot be searched now is searched tomorrow. */
async function sweepDrafts({ config, upstreams }: BridgeState, log: Log): Promise<void> {
  const sending = config.accounts.filter(({ send }) => send?.some((courier) => couriers[courier].makesDrafts));
  const places = sending.flatMap(({ connection, mailboxes }) =>
    exactAddresses(mailboxes).map((mailbox) => ({ connection, mailbox })),
  );
  const once = new Map(places.map((place) => [`${place.connection} ${place.mailbox.toLowerCase()}`, place]));
  for (const { connection, mailbox } of once.values()) {
    await upstreams
      .forMailbox(connection, mailbox)
      ?.sweepDrafts(mailbox, draftAgeMs)
      .catch((error: unknown) => log.debug({ connection, mailbox, error }, 'cannot look for abandoned drafts'));
  }
}
