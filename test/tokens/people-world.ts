import { inspect } from 'node:util';
import { expect } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { createHttpClient, type HttpClient } from '../../src/base/http/client.ts';
import { loggableError } from '../../src/base/log.ts';
import { clientId, type FakeEntra, secret, startFakeEntra, tenant } from './fake-entra.ts';
import { alice, type FakeEntraPeople } from './fake-entra-people.ts';
import { JumpingClock } from './jumping-clock.ts';

export const scopes = {
  graph: ['https://graph.microsoft.com/Mail.Send'],
  exchange: ['https://outlook.office.com/IMAP.AccessAsUser.All', 'https://outlook.office.com/SMTP.Send'],
};

/** An Entra ID, and what a person's sign-in needs to reach it. */
export interface PeopleWorld {
  readonly entra: FakeEntra;
  readonly people: FakeEntraPeople;
  readonly clock: JumpingClock;
  readonly http: HttpClient;
  readonly options: {
    readonly name: string;
    readonly tenantId: string;
    readonly clientId: string;
    readonly authority: string;
    readonly http: HttpClient;
    readonly clock: JumpingClock;
  };
  /** The failure of a request, checked to contain no secret in any form. */
  failure(asking: Promise<unknown>): Promise<BridgeError>;
  close(): Promise<void>;
}

export async function startPeopleWorld(): Promise<PeopleWorld> {
  const entra = await startFakeEntra();
  const http = createHttpClient({ ca: entra.ca, env: {} });
  const clock = new JumpingClock();
  return {
    entra,
    people: entra.people,
    clock,
    http,
    options: { name: 'contoso', tenantId: tenant, clientId, authority: entra.authority, http, clock },
    async failure(asking) {
      const error = await asking.then(
        () => expect.fail('it succeeded'),
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(BridgeError);
      const shown = [String(error), inspect(error, { depth: 9 }), JSON.stringify(loggableError(error))].join('\n');
      for (const hidden of [secret, alice.password, ...entra.tokens, ...entra.people.secrets]) {
        expect(shown).not.toContain(hidden);
        expect(shown).not.toContain(encodeURIComponent(hidden));
      }
      return error as BridgeError;
    },
    async close() {
      await http.close();
      await entra.close();
    },
  };
}
