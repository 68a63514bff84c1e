import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ConnectionStatus } from '../../admin/api/overview/schemas.ts';
import type { AdminFacts, ConnectionTroubleFacts } from '../../admin/facts.ts';
import type { Connection } from '../../config/schema.ts';
import type { BridgeState } from '../bridge-state.ts';

/** What connection states are built from. */
export interface ConnectionStateParts {
  readonly facts: Pick<AdminFacts, 'troubles' | 'signIns'>;
  state(): BridgeState;
}

/** The state of the connections: their breakers, their sign-ins, and expiry dates. */
export class ConnectionStates {
  readonly #parts: ConnectionStateParts;
  /** By connection: a certificate is read once for each configuration. */
  readonly #certificateEnds = new WeakMap<Connection, Promise<string | null>>();

  constructor(parts: ConnectionStateParts) {
    this.#parts = parts;
  }

  async all(): Promise<ConnectionStatus[]> {
    const { facts, state } = this.#parts;
    const troubles = Map.groupBy(facts.troubles(), ({ connection }) => connection);
    const signIns = new Map((await facts.signIns()).map(({ connection, isNeeded }) => [connection, isNeeded]));
    const connections = Object.entries(state().config.connections);
    return await Promise.all(
      connections.map(async ([name, connection]) => ({
        name,
        grant: connection.grant,
        ...standingOf(name, troubles.get(name)?.[0], signIns.get(name) === true),
        expires: await this.#expires(connection, signIns.has(name)),
      })),
    );
  }

  async #expires(connection: Connection, isPerson: boolean): Promise<ConnectionStatus['expires']> {
    const expires: ConnectionStatus['expires'] = [];
    if ('clientSecret' in connection && connection.clientSecret) expires.push({ what: 'client secret', at: null });
    if ('clientCertificate' in connection && connection.clientCertificate) {
      expires.push({ what: 'certificate', at: await this.#certificateEnd(connection) });
    }
    if (isPerson) expires.push({ what: 'sign-in', at: null });
    return expires;
  }

  #certificateEnd(connection: Connection): Promise<string | null> {
    const read = this.#certificateEnds.get(connection) ?? certificateEnd(connection);
    this.#certificateEnds.set(connection, read);
    return read;
  }
}

/** A missing sign-in explains the trouble of its tokens, and has a remedy of its own. */
function standingOf(
  name: string,
  trouble: ConnectionTroubleFacts | undefined,
  needsSignIn: boolean,
): Omit<ConnectionStatus, 'name' | 'grant' | 'expires'> {
  const since = trouble && { since: trouble.since };
  if (needsSignIn) {
    const remedy = `Sign in: mailbridge login ${name}.`;
    return { state: 'sign-in-needed', ...since, code: 'sign-in-needed', text: 'Somebody has to sign in.', remedy };
  }
  if (!trouble) return { state: 'ok' };
  const { code, text, remedy } = trouble;
  return { state: 'degraded', ...since, code, text, ...(remedy === undefined ? {} : { remedy }) };
}

/** When the certificate of an app registration expires; null if it cannot be read. */
async function certificateEnd(connection: Connection): Promise<string | null> {
  if (!('clientCertificate' in connection) || !connection.clientCertificate) return null;
  try {
    return new X509Certificate(await readFile(connection.clientCertificate.cert)).validToDate.toISOString();
  } catch {
    return null;
  }
}
