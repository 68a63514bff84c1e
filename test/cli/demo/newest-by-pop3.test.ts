import { expect, onTestFinished, test } from 'vitest';
import { newestByPop3 } from '../../../src/cli/demo/newest-by-pop3.ts';
import { scriptedServer } from '../../support/scripted-server.ts';

const loginScript = `
  S: +OK ready
  C: USER ann
  S: +OK
  C: PASS demo-password
  S: +OK`;

async function newest(script: string) {
  const server = await scriptedServer([script]);
  onTestFinished(() => server.close());
  return newestByPop3({ host: '127.0.0.1', port: server.port, username: 'ann', password: 'demo-password' });
}

test('the last message is read, its dots unstuffed', async () => {
  const message = await newest(`${loginScript}
    C: STAT
    S: +OK 12 3456
    C: RETR 12
    S: +OK\\r\\nSubject: x\\r\\n\\r\\n..\\r\\n.. two\\r\\nend\\r\\n.
    C: QUIT
    S: +OK bye`);
  expect(message).toBe('Subject: x\n\n.\n. two\nend\n');
});

test('an empty maildrop has none', async () => {
  const script = `${loginScript}
    C: STAT
    S: +OK 0 0
    C: QUIT
    S: +OK bye`;
  expect(await newest(script)).toBeUndefined();
});

test('a refusal is told', async () => {
  const script = `
    S: +OK ready
    C: USER ann
    S: -ERR [AUTH] not here`;
  await expect(newest(script)).rejects.toThrow('the POP3 server says: -ERR [AUTH] not here');
});
