import { expect, test } from 'vitest';
import type { MsalNetwork } from '../../../src/tokens/entra/msal-network.ts';
import { type DeviceCode, DeviceCodeNetwork } from '../../../src/tokens/grants/device-code-network.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** The code shown after this answer. */
async function shownAfter(body: Readonly<Record<string, unknown>>): Promise<DeviceCode | undefined> {
  let shown: DeviceCode | undefined;
  const answering = { failure: undefined, sendPostRequestAsync: async () => ({ status: 200, headers: {}, body }) };
  const network = new DeviceCodeNetwork(answering as unknown as MsalNetwork, {
    clock: new FakeClock(0),
    signal: undefined,
    onCode: (code) => {
      shown = code;
    },
  });
  await network.sendPostRequestAsync('https://login.example/devicecode');
  return shown;
}

test('control characters of an answer never reach the terminal', async () => {
  const code = await shownAfter({
    user_code: 'AB\u001b[2JCD',
    verification_uri: 'https://microsoft.com/devicelogin\u0007',
    message: 'Open\r\nthe page\u202e',
  });
  expect(code).toMatchObject({
    userCode: 'AB [2JCD',
    verificationUri: 'https://microsoft.com/devicelogin ',
    message: 'Open the page ',
  });
});

test('what an answer leaves out is empty, and has the times that RFC 8628 gives', async () => {
  expect(await shownAfter({ user_code: 7 })).toEqual({
    userCode: '',
    verificationUri: '',
    message: '',
    expiresAtMs: 900_000,
    intervalMs: 5000,
  });
});
