import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { adminTokenFile, ensureAdminToken } from '../../../../src/admin/access/token-file.ts';
import { EventHub } from '../../../../src/admin/api/events/hub.ts';
import { eventRoutes } from '../../../../src/admin/api/events/routes.ts';
import { LogTail } from '../../../../src/admin/api/log/log-tail.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { noteSecret } from '../../../support/secret-search/record.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { adminWorld, signedIn } from '../../admin-world.ts';

test('a token that cannot be read ends the stream, and nothing else', async () => {
  const clock = new FakeClock();
  const dataDir = temporaryFolder();
  const { token } = await ensureAdminToken(dataDir);
  noteSecret('admin token', token);
  const world = await adminWorld({ clock, settings: { dataDir, token: undefined } });
  const { get } = await signedIn(world, token);
  const stream = await get('/events');
  expect(stream.status).toBe(200);
  let isOver = false;
  const read = stream.text().then(() => {
    isOver = true;
  });
  rmSync(adminTokenFile(dataDir));
  mkdirSync(adminTokenFile(dataDir));
  for (let seconds = 0; seconds < 60 && !isOver; seconds += 15) await clock.advance(15_000);
  await read;
  expect((await world.call('/healthz')).status).toBe(200);
});

test('who leaves while the question is under way is not asked about again', async () => {
  const clock = new FakeClock();
  const asked: ((isKnown: boolean) => void)[] = [];
  const isStillKnown = () => new Promise<boolean>((resolve) => void asked.push(resolve));
  const hub = new EventHub({ clock, log: silentLog, logTail: new LogTail(), overview: async () => ({}) });
  const [route] = eventRoutes({ hub, clock, access: { isStillKnown } as never });
  const raw = new EventEmitter();
  const response = Object.assign(new PassThrough().resume(), { writeHead() {} });
  const reply = { hijack() {}, getHeaders: () => ({}), raw: response };
  const caller = { user: 'anna', role: 'view', by: 'token' };
  await route?.run({ caller, reply, request: { raw } } as never);
  await clock.advance(15_000);
  raw.emit('close');
  asked[0]?.(true);
  await clock.advance(60_000);
  expect(asked.length).toBe(1);
});
