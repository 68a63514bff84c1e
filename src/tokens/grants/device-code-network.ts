import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { MsalNetwork } from '../entra/msal-network.ts';

/** What a person needs to sign in on another device. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  /** Microsoft's own sentence containing both, in the language of the tenant. */
  readonly message: string;
  readonly expiresAtMs: number;
  /** Interval between polls for completion. */
  readonly intervalMs: number;
}

/** Options of {@link DeviceCodeNetwork}. */
export interface DeviceCodeNetworkOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Called once. */
  readonly onCode: (code: DeviceCode) => void;
}

/** RFC 8628 section 3.4. The library writes `device_code`, which Entra ID also accepts, but others do not. */
const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628 section 3.5: `slow_down` adds this much permanently. */
const slowDownMs = 5000;
/**
 * In other cases the polling rate is halved, as the same section requires after a lost connection; each step adds at
 * most this much.
 */
const longestStepMs = 30_000;
/** RFC 8628 section 3.2, if the answer does not say. */
const usualIntervalSeconds = 5;
const usualLifetimeSeconds = 15 * 60;

/**
 * The network of a device code flow (RFC 8628). The Microsoft library requests the code and then, once, the token.
 * Polling happens in this class because the library's own treats `slow_down` as a failure, keeps sleeping when
 * cancelled, gives up when the network is briefly down, and uses only the machine's clock.
 */
export class DeviceCodeNetwork implements INetworkModule {
  readonly #network: MsalNetwork;
  readonly #options: DeviceCodeNetworkOptions;
  #code: DeviceCode | undefined;
  #expired = false;

  constructor(network: MsalNetwork, options: DeviceCodeNetworkOptions) {
    this.#network = network;
    this.#options = options;
  }

  /** Whether the flow ended because the code expired, which the library would hide. */
  get expired(): boolean {
    return this.#expired;
  }

  sendGetRequestAsync<T>(url: string, options?: NetworkRequestOptions, timeoutMs?: number) {
    return this.#network.sendGetRequestAsync<T>(url, options, timeoutMs);
  }

  async sendPostRequestAsync<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    if (this.#code) return await this.#poll<T>(this.#code, url, options);
    const response = await this.#network.sendPostRequestAsync<T>(url, options);
    // The library would take a refusal for a code.
    if (this.#network.failure) throw new Error('no device code');
    this.#code = deviceCodeOf(response.body as Record<string, unknown>, this.#options.clock.now());
    this.#options.onCode(this.#code);
    return response;
  }

  async #poll<T>(code: DeviceCode, url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T>> {
    let { intervalMs } = code;
    for (;;) {
      await this.#pause(intervalMs, code.expiresAtMs);
      const response = await this.#ask<T>(url, options);
      const { failure } = this.#network;
      const error = failure?.kind === 'answer' ? failure.body?.error : undefined;
      if (error === 'slow_down') intervalMs += slowDownMs;
      else if (response === undefined || isBusy(response.status)) intervalMs += Math.min(intervalMs, longestStepMs);
      else if (error !== 'authorization_pending') return response;
    }
  }

  /** Returns the answer, or undefined if none came for a temporary reason. */
  async #ask<T>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<T> | undefined> {
    try {
      const form = new URLSearchParams(options?.body);
      form.set('grant_type', grantType);
      return await this.#network.sendPostRequestAsync<T>(url, { ...options, body: form.toString() });
    } catch (error) {
      if (error instanceof BridgeError && error.kind === 'temporary') return undefined;
      throw error;
    }
  }

  async #pause(ms: number, expiresAtMs: number): Promise<void> {
    const { clock, signal } = this.#options;
    signal?.throwIfAborted();
    const leftMs = Math.max(0, expiresAtMs - clock.now());
    await new Promise<void>((resolve) => {
      const done = () => {
        cancelTimer();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancelTimer = clock.after(Math.min(ms, leftMs), done);
      signal?.addEventListener('abort', done);
    });
    signal?.throwIfAborted();
    this.#expired = clock.now() >= expiresAtMs;
    if (this.#expired) throw new Error('the device code has expired');
  }
}

function isBusy(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Microsoft identity platform documentation, "OAuth 2.0 device authorization grant flow": Device authorization response. */
function deviceCodeOf(answer: Readonly<Record<string, unknown>>, nowMs: number): DeviceCode {
  return {
    userCode: shown(answer.user_code),
    verificationUri: shown(answer.verification_uri),
    message: shown(answer.message),
    expiresAtMs: nowMs + seconds(answer.expires_in, usualLifetimeSeconds) * 1000,
    intervalMs: seconds(answer.interval, usualIntervalSeconds) * 1000,
  };
}

/** Printed on a terminal as is. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.replace(/\p{C}+/gu, ' ') : '';
}

function seconds(value: unknown, usual: number): number {
  return Number(value) > 0 ? Number(value) : usual;
}
