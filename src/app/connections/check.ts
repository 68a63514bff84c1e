import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { type ProxySettings, proxySettings } from '../../base/http/proxy.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { type HopResult, runHops } from '../../onboarding/check/hops/hop.ts';
import { planHops } from '../../onboarding/check/plan.ts';
import { proxyFor } from '../../onboarding/check/probes/proxy.ts';
import type { CheckedConnection } from '../../onboarding/check/subject.ts';
import type { SignInStore } from '../../tokens/sign-ins/store.ts';
import { CheckedUpstream } from './checked.ts';
import { pausedConnection } from './paused.ts';

export type { HopResult } from '../../onboarding/check/hops/hop.ts';

export interface CheckOptions {
  /** A connection, or the username of an account; without it everything is checked. */
  readonly name?: string | undefined;
  /** Addresses that a test message goes to, from each account that can send. */
  readonly sendTestTo?: readonly string[];
  /** Usernames of accounts that need no test message any more. */
  readonly tested?: ReadonlySet<string>;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Takes the place of the sign-ins that connections keep: for one connection, by its name. */
  readonly signIn?: SignInStore | undefined;
  /** Where `HTTPS_PROXY` and `NO_PROXY` are looked up; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Tries every hop of the connections and accounts of a configuration, each as soon as the one before is done. Tokens
 * are got anew, so that permissions granted a moment ago are in them.
 * @throws BridgeError `usage` for a name that the configuration does not have, `proxy-invalid`
 */
export async function* checkConnections(config: Config, options: CheckOptions = {}): AsyncGenerator<HopResult> {
  const { clock = systemClock, log = silentLog, env = process.env, sendTestTo = [], tested = new Set() } = options;
  const { signIn } = options;
  const proxy = proxySettings(config.proxy?.reveal(), env);
  for (const connection of selected(config, options.name)) {
    yield* checkOne(config, connection, { clock, log, env, sendTestTo, tested, proxy, signIn });
  }
}

async function* checkOne(
  config: Config,
  connection: CheckedConnection,
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly env: NodeJS.ProcessEnv;
    readonly sendTestTo: readonly string[];
    readonly tested: ReadonlySet<string>;
    readonly proxy: ProxySettings | undefined;
    readonly signIn: SignInStore | undefined;
  },
): AsyncGenerator<HopResult> {
  const upstream = new CheckedUpstream(connection, config, parts);
  try {
    const hops = planHops(connection, upstream, {
      proxyFor: (origin) => proxyFor(origin, parts.proxy),
      sendTestTo: parts.sendTestTo,
      tested: parts.tested,
      paused: () => pausedConnection(config, connection.name),
    });
    yield* runHops(connection.name, hops);
  } finally {
    await upstream.close();
  }
}

/** The connections meant, each with the accounts meant. @throws BridgeError `usage` */
function selected(config: Config, name: string | undefined): CheckedConnection[] {
  const names = Object.keys(config.connections);
  if (name === undefined) return names.map((each) => subjectOf(config, each));
  if (names.includes(name)) return [subjectOf(config, name)];
  const account = config.accounts.find(({ username }) => username.toLowerCase() === name.toLowerCase());
  if (account) return [{ ...subjectOf(config, account.connection), accounts: [account] }];
  throw new BridgeError('usage', `There is no connection and no account "${name}".`, {
    remedy: `The connections are: ${names.join(', ')}.`,
  });
}

function subjectOf(config: Config, name: string): CheckedConnection {
  const connection = config.connections[name] as Connection;
  const { grant, tenantId, clientId } = connection;
  const actsAs = grant === 'client-credentials' || grant === 'managed-identity' ? 'app' : 'person';
  return {
    ...resolveCloud(connection.cloud, connection.tenantId),
    name,
    grant,
    actsAs,
    tenantId,
    clientId,
    accounts: config.accounts.filter((account) => account.connection === name),
  };
}
