import type { PublicClientApplication } from '@azure/msal-node';
import { BridgeError } from '../../base/errors.ts';
import type { MsalNetwork } from '../entra/msal-network.ts';
import { declined } from '../sign-ins/declined.ts';
import type { SignedIn, UserClientOptions } from '../sign-ins/user-sign-in.ts';
import { type DeviceCode, DeviceCodeNetwork } from './device-code-network.ts';
import { requestUserToken } from './user-token-request.ts';

export type { DeviceCode } from './device-code-network.ts';

/** A sign-in by device code. `prompt` has no effect here, because no page is opened. */
export interface DeviceCodeOptions extends UserClientOptions {
  /** Scopes of one resource. */
  readonly scopes: readonly string[];
  /** Called once, with what the person needs. Must not throw. */
  readonly onCode: (code: DeviceCode) => void;
  /** Ends the sign-in at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a person in on any device (RFC 8628; Microsoft identity platform documentation, "OAuth 2.0 device authorization
 * grant flow"). Waits as long as the code is valid, usually 15 minutes, and keeps the process alive.
 * @throws BridgeError `device-code-expired`, `sign-in-declined`, `sign-in-cancelled`, or see `tokenError`:
 * `details.aadsts` has the code, such as AADSTS53003 if a policy blocks the flow
 */
export async function signInByDeviceCode(options: DeviceCodeOptions): Promise<SignedIn> {
  // The clock's timers do not keep the process alive, and there may be nothing else between two polls.
  const alive = setInterval(() => {}, 60_000);
  try {
    return await runDeviceCodeFlow(options);
  } finally {
    clearInterval(alive);
  }
}

/**
 * Requests a device code and stops there: shows that tenant, app, scopes and policies let the flow begin.
 * @throws BridgeError see `tokenError`
 */
export async function requestDeviceCode(options: Omit<DeviceCodeOptions, 'onCode' | 'signal'>): Promise<DeviceCode> {
  const enough = new AbortController();
  let code: DeviceCode | undefined;
  const onCode = (received: DeviceCode) => {
    code = received;
    enough.abort();
  };
  try {
    await runDeviceCodeFlow({ ...options, onCode, signal: enough.signal });
  } catch (error) {
    if (!code) throw error;
  }
  if (!code) throw new BridgeError('token-answer-invalid', `Connection "${options.name}" was given no device code.`);
  return code;
}

async function runDeviceCodeFlow(options: DeviceCodeOptions): Promise<SignedIn> {
  const { scopes, clock, signal, onCode, name } = options;
  let polling: DeviceCodeNetwork | undefined;
  const request = {
    scopes,
    signal,
    through(network: MsalNetwork) {
      polling = new DeviceCodeNetwork(network, { clock, signal, onCode });
      return polling;
    },
  };
  try {
    signal?.throwIfAborted();
    return await requestUserToken({ ...options, credential: undefined }, request, (app) =>
      // Without a credential the application is a public client.
      (app as PublicClientApplication).acquireTokenByDeviceCode({ scopes: [...scopes], deviceCodeCallback() {} }),
    );
  } catch (error) {
    if (signal?.aborted) {
      throw new BridgeError('sign-in-cancelled', `The sign-in for connection "${name}" was cancelled.`);
    }
    throw polling?.expired ? expired(name) : flowError(name, error);
  }
}

/** RFC 8628 section 3.5, and Microsoft's own names: "Device authorization grant flow", Expected errors. */
function flowError(connection: string, error: unknown): unknown {
  if (!(error instanceof BridgeError)) return error;
  switch (error.details.error) {
    case 'authorization_declined':
    case 'access_denied':
      return declined(connection, error);
    case 'expired_token':
      return expired(connection, error);
    default:
      return error;
  }
}

function expired(connection: string, refusal?: BridgeError): BridgeError {
  const message = `Nobody signed in for connection "${connection}" before the device code expired.`;
  return new BridgeError('device-code-expired', message, { details: { connection, ...refusal?.details } });
}
