import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { needLoopbackAddresses } from '../support/external.ts';
import { Mailbridge } from '../support/process.ts';
import { alice, contosoConfig, password, relayFolder, startContoso, until } from '../support/relay.ts';
import { play } from '../support/transcript.ts';

/** Three processes start, on a machine that may be busy. */
const patienceMs = 90_000;

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startContoso();
});

afterAll(() => simulator?.close());

/** A bridge with a session open, and its child processes, from Linux. */
async function startWithSession(workers: number) {
  const folder = await relayFolder({
    ...contosoConfig(simulator),
    workers,
    listeners: [{ protocol: 'imap', port: 0, security: 'starttls' }],
    accounts: [{ username: 'reader', password, connection: 'contoso', mailbox: alice, read: 'imap' }],
  });
  const bridge = await Mailbridge.start(folder.configFile, { patienceMs: 80_000 });
  onTestFinished(async () => {
    await bridge.kill();
    await folder.remove();
  });
  const socket = connect({ port: bridge.port(), host: '127.0.0.1' }).on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await play(socket, `S: * OK …\nC: a LOGIN reader "${password}"\nS: a OK …`);
  const children = readFileSync(`/proc/${bridge.pid}/task/${bridge.pid}/children`, 'utf8');
  return { bridge, socket, pids: children.split(' ').filter(Boolean).map(Number) };
}

test(
  'when the main process is killed the workers end, and their sessions',
  async (context) => {
    needLoopbackAddresses(context);
    const { bridge, socket, pids } = await startWithSession(2);
    expect(pids).toHaveLength(2);
    const closed = once(socket.resume(), 'close');
    await bridge.kill();
    await closed;
    await until('the workers to end', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
  },
  patienceMs,
);

test(
  'what a worker is given of the environment holds no secret',
  async (context) => {
    needLoopbackAddresses(context);
    const { pids } = await startWithSession(2);
    for (const pid of pids) {
      const names = readFileSync(`/proc/${pid}/environ`, 'latin1')
        .split('\0')
        .map((each) => each.split('=')[0]);
      expect(names).toContain('PATH');
      expect(names).not.toContain('HOME');
      expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toContain('worker-process');
    }
  },
  patienceMs,
);

test(
  'one worker is none: no process is started',
  async (context) => {
    needLoopbackAddresses(context);
    expect((await startWithSession(1)).pids).toEqual([]);
  },
  patienceMs,
);
