import { readFileSync } from 'node:fs';
import { Agent, fetch } from 'undici';
import { afterEach } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs `cleanup` after the test, last registered first. */
export function afterTest(cleanup: () => Promise<void>): void {
  cleanups.push(cleanup);
}

export interface Microsoft365 extends Simulator {
  readonly ca: string;
  /** Fetches from any endpoint, trusting the simulator's authority. */
  get(url: string, init?: Parameters<typeof fetch>[1]): ReturnType<typeof fetch>;
  control(method: string, path: string, body?: unknown): ReturnType<typeof fetch>;
  /** Requests a token as any OAuth client would. */
  tokenRequest(
    form: Record<string, string>,
    options?: { tenant?: string; headers?: Record<string, string> },
  ): ReturnType<typeof fetch>;
  /** A token from client credentials. */
  token(resource: 'graph' | 'exchange'): Promise<string>;
}

/** Starts a simulator for one test. */
export async function microsoft365(options: SimulatorOptions = {}): Promise<Microsoft365> {
  const simulator = await startSimulator(options);
  const ca = readFileSync(simulator.endpoints.caFile, 'utf8');
  const dispatcher = new Agent({ connect: { ca } });
  afterTest(async () => {
    await dispatcher.destroy();
    await simulator.close();
  });
  const get: Microsoft365['get'] = (url, init) => fetch(url, { ...init, dispatcher });
  const tokenRequest: Microsoft365['tokenRequest'] = (form, { tenant = simulator.tenantId, headers = {} } = {}) =>
    get(`${simulator.endpoints.authority}/${tenant}/oauth2/v2.0/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });
  return {
    ...simulator,
    ca,
    get,
    tokenRequest,
    control: (method, path, body) =>
      get(`${simulator.endpoints.control}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      }),
    async token(resource) {
      const scope = {
        graph: 'https://graph.microsoft.com/.default',
        exchange: 'https://outlook.office365.com/.default',
      };
      const response = await tokenRequest({ ...clientForm(simulator), scope: scope[resource] });
      const { access_token } = (await response.json()) as { access_token: string };
      return access_token;
    },
  };
}

/** The form fields of a token request with a client secret. */
export function clientForm(simulator: Simulator): Record<string, string> {
  return {
    grant_type: 'client_credentials',
    client_id: simulator.clientId,
    client_secret: simulator.clientSecret,
    scope: 'https://graph.microsoft.com/.default',
  };
}

/** A simple message, with CRLF. */
export function message(headers: Record<string, string>, body = 'Hello.\r\n'): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${lines.join('')}\r\n${body}`;
}
