import { expect, test } from 'vitest';
import { z } from 'zod';
import type { HttpClient, HttpRequest } from '../../../src/base/http/client.ts';
import { graphDirectory } from '../../../src/onboarding/registration/graph-directory.ts';
import { JumpingClock } from '../../tokens/jumping-clock.ts';

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** A directory whose Graph returns these answers, one after the other. */
function directoryAnswering(...answers: Answer[]) {
  const requests: HttpRequest[] = [];
  const clock = new JumpingClock();
  const waits: string[] = [];
  const http = {
    async request(request: HttpRequest) {
      requests.push(request);
      const { status, headers = {}, body } = answers.shift()!;
      const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
      return { status, headers, text: async () => text };
    },
  } as unknown as HttpClient;
  const directory = graphDirectory({
    http,
    clock,
    origin: 'https://graph.microsoft.com',
    accessToken: 'secret-token',
    onWait: (text) => waits.push(text),
  });
  return { directory, requests, clock, waits };
}

const anything = z.looseObject({});
const refusal = (code: string, message: string) => ({ error: { code, message } });

test('a busy Graph is asked again after as long as it says', async () => {
  const { directory, clock, waits, requests } = directoryAnswering(
    { status: 429, headers: { 'retry-after': '7' }, body: refusal('TooManyRequests', 'Slow down.') },
    { status: 503, body: refusal('ServiceUnavailable', 'Busy.') },
    { status: 201, body: { id: '1' } },
  );
  expect(await directory.post('/v1.0/applications', { displayName: 'x' }, anything)).toEqual({ id: '1' });
  expect(clock.waits).toEqual([7000, 4000]);
  expect(waits).toEqual(['Microsoft Graph is busy (429); waiting 7 s', 'Microsoft Graph is busy (503); waiting 4 s']);
  expect(requests.map(({ body }) => body)).toEqual(Array(3).fill('{"displayName":"x"}'));
});

test('it gives up in the end, and says that running again goes on', async () => {
  const busy = { status: 429, headers: { 'retry-after': '3600' }, body: refusal('TooManyRequests', 'Slow down') };
  const { directory, clock } = directoryAnswering(...Array<Answer>(6).fill(busy));
  const error = await directory.get('/v1.0/x', anything).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'directory-refused', kind: 'temporary', details: { status: 429 } });
  expect(clock.waits).toEqual(Array(5).fill(120_000));
});

test('a write that a gateway gave up on is not made twice', async () => {
  const { directory, requests } = directoryAnswering({ status: 504, body: 'Gateway Timeout' });
  await expect(directory.post('/v1.0/applications', {}, anything)).rejects.toMatchObject({ code: 'directory-refused' });
  expect(requests).toHaveLength(1);
});

test('a list is read page after page, and the token never follows a link to another host', async () => {
  const next = (link: string) => ({ status: 200, body: { value: [{ id: 'a' }], '@odata.nextLink': link } });
  const two = directoryAnswering(next('https://graph.microsoft.com/v1.0/x?$skiptoken=2'), {
    status: 200,
    body: { value: [{ id: 'b' }] },
  });
  expect(await two.directory.list('/v1.0/x', anything)).toEqual([{ id: 'a' }, { id: 'b' }]);
  expect(two.requests[1]?.url).toBe('https://graph.microsoft.com/v1.0/x?$skiptoken=2');

  const astray = directoryAnswering(next('https://graph.microsoft.com.evil.example/v1.0/x'));
  await expect(astray.directory.list('/v1.0/x', anything)).rejects.toMatchObject({ code: 'upstream-answer-invalid' });
  expect(astray.requests).toHaveLength(1);
});

test('a refusal says what was asked and what Graph said, with the remedy and without the token', async () => {
  const { directory } = directoryAnswering({
    status: 403,
    headers: { 'request-id': 'r-1' },
    body: refusal('Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
  });
  const error = await directory.patch('/v1.0/applications/1?x=y', {}).catch((thrown: unknown) => thrown);
  expect(`${error}`).toMatchInlineSnapshot(
    `"Microsoft Graph refuses PATCH /v1.0/applications/1 (403 Authorization_RequestDenied): Insufficient privileges to complete the operation. Sign in as somebody who may: Cloud Application Administrator or Application Administrator registers apps and grants permissions of Office 365 Exchange Online; granting permissions of Microsoft Graph (--tenant-wide, --delegated) takes Privileged Role Administrator or Global Administrator. (directory-refused)"`,
  );
  expect(JSON.stringify(error)).not.toContain('secret-token');
});

test.each([
  ['a login portal', { status: 200, body: '<html>Welcome to the hotel</html>' }],
  ['something else in JSON', { status: 200, body: { value: 'none' } }],
])('%s in the place of Graph is noticed', async (_, answer) => {
  const { directory } = directoryAnswering(answer);
  await expect(directory.list('/v1.0/x', anything)).rejects.toMatchObject({ code: 'upstream-answer-invalid' });
});
