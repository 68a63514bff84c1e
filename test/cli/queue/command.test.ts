import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { takeDataFolder } from '../../../src/app/data-folder.ts';
import { runCommand } from '../../../src/cli/commands.ts';
import { localDateTime, localTime } from '../../../src/cli/terminal/times.ts';
import { breakerKey } from '../../../src/queue/breakers/breakers.ts';
import { destinationOf } from '../../../src/queue/message.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { put } from '../../queue/stores/store-contract.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';
import { queueConfig } from './config.ts';

/** A configuration whose queue holds two messages, one of them refused once. */
async function someQueue() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(queueConfig), { mode: 0o600 });
  const queue = async (...args: string[]) => await mailbridge(['queue', ...args, '--config', file]);
  return { folder, file, queue };
}

async function filled() {
  const { folder, file, queue } = await someQueue();
  mkdirSync(join(folder, 'data'));
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const first = await put(store, 'Subject: first\r\n\r\n');
  const second = await put(store, 'Subject: second\r\n\r\n', { account: 'erp', mailbox: 'erp@contoso.example' });
  const refused = {
    outcome: 'needs-admin',
    code: '5.7.3',
    text: 'Authentication unsuccessful',
    remedy: 'Register it.',
  } as const;
  await store.record(first.id, {
    attempt: {
      startedAtMs: Date.UTC(2026, 0, 5),
      durationMs: 12,
      outcomes: [{ address: 'ann@contoso.example', ...refused }],
    },
    recipients: first.recipients.map((each) => ({ ...each, last: refused })),
    state: 'queued',
    nextAttemptAtMs: Date.UTC(2099, 0, 1),
  });
  await store.close();
  return { folder, file, queue, first, second };
}

test('there is none before the bridge has run', async () => {
  const { queue } = await someQueue();
  const { code, err } = await queue('list');
  expect(code).toBe(2);
  expect(err).toMatch(/There is no queue in .*the bridge has not run yet/);
});

test('list shows a line for each message, or JSON', async () => {
  const { queue, first, second } = await filled();
  const { code, out } = await queue('list');
  expect(code).toBe(0);
  const [head = '', one = '', two = '', ...below] = out.split('\n');
  expect(head.split(/ +/)).toEqual(['ID', 'STATE', 'AGE', 'ACCEPTED', 'SIZE', 'MAILBOX', 'TO', 'TRIES', 'NEXT', 'WHY']);
  const next = localTime(Date.UTC(2099, 0, 1), Date.now()).replace(/[()]/g, '\\$&');
  expect(one).toMatch(
    new RegExp(
      `^${first.id}  queued +\\d+ d  20.*18 B  reports@contoso.example  ann@contoso.example \\+1 +1  ${next} \\(in \\d+ d\\)  \\[1\\]$`,
    ),
  );
  expect(two).toMatch(
    new RegExp(`^${second.id}  queued +\\d+ d  20.*19 B  erp@contoso.example +ann@contoso.example \\+1 +0  now$`),
  );
  expect(one.indexOf('queued')).toBe(head.indexOf('STATE'));
  expect(below.slice(0, 2)).toEqual(['', '[1] 5.7.3 Authentication unsuccessful (1 message)']);
  expect(below[3]).toMatch(/^2 messages; times are /);
  const listed = JSON.parse((await queue('list', '--account', 'erp', '--json')).out) as { id: string }[];
  expect(listed.map((each) => each.id)).toEqual([second.id]);
});

test('list says once why a connection is paused, below the messages that wait for it', async () => {
  const { folder, queue, first, second } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const text = 'graph.example refused the connection (ECONNREFUSED). Check host and port.';
  const untilMs = Date.UTC(2099, 0, 1);
  const pause = { untilMs, sinceMs: 0, code: 'upstream-unreachable', text, strikes: 1, needsAdmin: false };
  await store.setPause({ key: breakerKey('contoso', 'graph'), ...pause });
  await store.close();

  const [, one, two, , trouble, ...rest] = (await queue('list')).out.trimEnd().split('\n');
  expect(one).toMatch(new RegExp(`^${first.id} .* \\(in \\d+ d\\)  \\[1\\]$`));
  expect(two).toMatch(new RegExp(`^${second.id} .* \\(in \\d+ d\\)  \\[1\\]$`));
  expect(trouble).toBe(`[1] connection contoso is paused: upstream-unreachable ${text} (2 messages)`);
  expect(rest.join('\n')).not.toContain('upstream-unreachable');
  expect((await queue('show', second.id)).out).toMatch(
    / {2}waits {6}next probe 2099-.*: connection contoso is paused: upstream-unreachable graph\.example refused .* host and port\.\n/,
  );
});

test('show tells every recipient, the remedy and every attempt', async () => {
  const { queue, first } = await filled();
  const { out } = await queue('show', first.id);
  const margin = ' '.repeat(13);
  expect(out).toContain(
    `  to         <ann@contoso.example> pending\n${margin}5.7.3 Authentication unsuccessful\n${margin}→ Register it.\n`,
  );
  expect(out).toContain(
    `  attempt 1  ${localDateTime(Date.UTC(2026, 0, 5))}, 12 ms\n${margin}<ann@contoso.example> needs-admin 5.7.3 Authentication unsuccessful\n`,
  );
  expect(JSON.parse((await queue('show', first.id, '--json')).out)).toMatchObject({
    id: first.id,
    waiting: { untilMs: Date.UTC(2099, 0, 1), reason: 'deferred after a failed attempt' },
    attempts: [{ durationMs: 12, outcomes: [{ code: '5.7.3' }] }],
  });
  expect(await queue('show', 'nothing')).toMatchObject({ code: 1, err: expect.stringContaining('no message nothing') });
});

test('hold, release, retry and delete change what the filter says and tell how many', async () => {
  const { queue, first } = await filled();
  expect(await queue('hold', '--mailbox', 'reports@contoso.example')).toMatchObject({
    code: 0,
    out: '1 message held\n',
  });
  expect((await queue('list', '--state', 'held')).out).toContain(first.id);
  expect((await queue('retry', '--all')).out).toBe('1 message due now\n');
  expect((await queue('release', '--all')).out).toBe('1 message released\n');
  expect(JSON.parse((await queue('delete', first.id, '--json')).out)).toEqual({ count: 1 });
  expect(await queue('delete', first.id)).toMatchObject({
    code: 1,
    out: '0 messages deleted: queue show ID shows the state of a message\n',
  });
});

test('what changes messages wants to know which', async () => {
  const { queue } = await filled();
  for (const action of ['show', 'retry', 'hold', 'release', 'delete', 'export']) {
    expect(await queue(action)).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give ids, a filter, or --all'),
    });
  }
  expect(await queue('list', '--state', 'lost')).toMatchObject({ code: 2 });
});

test('filters choose by age, recipient, connection and last error; all of them must hold', async () => {
  const { folder, queue, first, second } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: false });
  const now = Date.now();
  const young = await put(store, 'x', { receivedAtMs: now - 90 * 60_000, connection: 'fabrikam' });
  await store.close();
  const found = async (...filter: string[]) => {
    const { out } = await queue('list', '--json', ...filter);
    return (JSON.parse(out) as { id: string }[]).map(({ id }) => id).sort();
  };
  expect(await found('--newer-than', '2h')).toEqual([young.id]);
  expect(await found('--newer-than', '2h', '--older-than', '1h')).toEqual([young.id]);
  expect(await found('--older-than', '2h')).toEqual([first.id, second.id].sort());
  expect(await found('--newer-than', '30m')).toEqual([]);
  expect(await found('--connection', 'fabrikam')).toEqual([young.id]);
  expect(await found('--recipient', '*@FABRIKAM.example')).toEqual([first.id, second.id, young.id].sort());
  expect(await found('--recipient', '<ann@contoso.example>', '--account', 'erp')).toEqual([second.id]);
  expect(await found('--error', '5.7.3')).toEqual([first.id]);
  expect(await found('--error', 'authentication UNsuccessful')).toEqual([first.id]);
  expect(await found('--error', '5.7.3', '--mailbox', 'erp@contoso.example')).toEqual([]);
  for (const age of ['2', 'h', '1.5h', '2w']) {
    expect(await queue('list', '--older-than', age)).toMatchObject({ code: 2, err: expect.stringContaining('30m') });
  }
});

test('list --summary counts by mailbox and state', async () => {
  const { queue } = await filled();
  await queue('hold', '--account', 'erp');
  const lines = (await queue('list', '--summary')).out.split('\n');
  const oldest = localTime(Date.UTC(2026, 0, 5, 8), Date.now());
  expect(lines[0]).toBe('MAILBOX                  STATE   MESSAGES  SIZE  OLDEST');
  expect(lines[1]).toContain(`erp@contoso.example      held           1  19 B  ${oldest} (`);
  expect(lines[2]).toContain(`reports@contoso.example  queued         1  18 B  ${oldest} (`);
  expect(lines.slice(3)).toEqual(['', expect.stringMatching(/^in all: 2 messages, 37 B; times are /), '']);
  expect(JSON.parse((await queue('list', '--summary', '--json', '--state', 'held')).out)).toEqual([
    {
      mailbox: 'erp@contoso.example',
      state: 'held',
      messages: 1,
      octets: 19,
      oldestReceivedAtMs: Date.UTC(2026, 0, 5, 8),
    },
  ]);
});

test('export gives the octets as they were accepted, to nobody else', async () => {
  const { folder, queue, first, second } = await filled();
  expect(await queue('export', first.id)).toEqual({ code: 0, out: 'Subject: first\r\n\r\n', err: '' });
  const file = join(folder, 'one.eml');
  expect(await queue('export', first.id, '--out', file)).toMatchObject({ code: 0, out: '' });
  expect(readFileSync(file, 'utf8')).toBe('Subject: first\r\n\r\n');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await queue('export', first.id, '--out', file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('already exists'),
  });
  expect(await queue('export', '--all')).toMatchObject({ code: 2, err: expect.stringContaining('need a folder') });
  const all = join(folder, 'all');
  expect(await queue('export', '--all', '--out', all)).toMatchObject({ code: 0 });
  expect(readFileSync(join(all, `${second.id}.eml`), 'utf8')).toBe('Subject: second\r\n\r\n');
});

test('export makes the folder it is told, for nobody else; not where a file is', async () => {
  const { folder, queue, first, second } = await filled();
  const all = join(folder, 'for', 'audit');
  expect(await queue('export', '--all', '--out', all)).toMatchObject({ code: 0, out: '' });
  expect(readdirSync(all).sort()).toEqual([`${first.id}.eml`, `${second.id}.eml`].sort());
  expect(statSync(all).mode & 0o777).toBe(0o700);
  expect(await queue('export', first.id, '--out', join(folder, 'one/'))).toMatchObject({ code: 0 });
  expect(readdirSync(join(folder, 'one'))).toEqual([`${first.id}.eml`]);

  const file = join(all, `${first.id}.eml`);
  expect(await queue('export', '--all', '--out', file)).toMatchObject({
    code: 2,
    err: expect.stringContaining('a folder'),
  });
  expect(await queue('export', '--all', '--out', join(file, 'below'))).toMatchObject({
    err: expect.stringMatching(/below cannot be made \(ENOTDIR\)/),
  });
});

test('retry says until when Microsoft asked to wait, in place of "due now"', async () => {
  const { folder, queue, first, second } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const now = Date.now();
  const pause = { sinceMs: now, code: '429', text: 'Too many requests', strikes: 1, needsAdmin: false };
  const untilMs = now + 9.25 * 60_000;
  await store.setPause({ key: destinationOf(first), untilMs, ...pause });
  await store.close();

  const waits = `1 message chosen; Microsoft asked to wait until ${localTime(untilMs, now)} (in 9 min)\n`;
  expect(await queue('retry', first.id)).toMatchObject({ code: 0, out: waits });
  expect((await queue('retry', '--all')).out).toBe(`1 message due now\n${waits}`);
  expect((await queue('retry', second.id)).out).toBe('1 message due now\n');
  expect(JSON.parse((await queue('retry', '--all', '--json')).out)).toEqual({
    count: 2,
    waiting: [{ count: 1, untilMs, reason: 'mailbox paused: 429 Too many requests' }],
  });
});

test('a wait for an administrator is ended by retry, so it is not named', async () => {
  const { folder, queue, first } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const now = Date.now();
  const pause = { sinceMs: now, code: '5.7.3', text: 'Denied', strikes: 1, needsAdmin: true };
  await store.setPause({ key: destinationOf(first), untilMs: now + 600_000, ...pause });
  await store.close();
  expect((await queue('retry', first.id)).out).toBe('1 message due now\n');
});

/** Runs a command line at a terminal and types once something is asked. */
async function atTerminal(args: string[], typed: string | (() => Promise<string>)) {
  const { stdout, stderr } = commandOutput(args);
  const printed = Promise.all([text(stdout), text(stderr)]);
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  if (typeof typed === 'string') stdin.write(typed);
  else stderr.once('data', () => void typed().then((answer) => stdin.write(answer)));
  const code = await runCommand(args, { stdin, stdout, stderr, env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, out, err };
}

test('delete asks at a terminal, and leaves everything unless the answer is yes', async () => {
  const { folder, queue, first, second } = await filled();
  const line = ['queue', 'delete', '--all', '--config', join(folder, 'config.json')];
  for (const answer of ['\n', 'n\n', 'maybe\n']) {
    const { code, out, err } = await atTerminal(line, answer);
    expect({ code, out }).toEqual({ code: 1, out: 'nothing deleted\n' });
    expect(err).toBe('Delete 2 messages, 37 B? This cannot be undone. [y/N] ');
  }
  expect((await queue('list', '--summary')).out).toContain('in all: 2 messages');

  const deleted = await atTerminal(line, 'y\n');
  expect(deleted).toMatchObject({ code: 0, out: '2 messages deleted\n' });
  const lines = deleted.err.replace(/^.*\[y\/N\] /, '').split('\n');
  expect(lines).toEqual([
    expect.stringMatching(
      new RegExp(`^deleted ${first.id} queued \\S+ \\S+ 18 B, account scanner, from <.+> to <ann@.+>$`),
    ),
    expect.stringMatching(
      new RegExp(`^deleted ${second.id} queued \\S+ \\S+ 19 B, account erp, from <.+> to <ann@.+>$`),
    ),
    '',
  ]);
  expect((await queue('list')).out).toBe('no messages\n');
});

test('delete --yes asks nothing, nor does a script; what was deleted is told, as JSON where that is asked for', async () => {
  const { folder, queue, first, second } = await filled();
  const line = ['queue', 'delete', first.id, '--yes', '--config', join(folder, 'config.json')];
  const { code, out, err } = await atTerminal(line, '');
  expect({ code, out }).toEqual({ code: 0, out: '1 message deleted\n' });
  expect(err).toMatch(new RegExp(`^deleted ${first.id} queued [^\\n]+\\n$`));

  const script = await queue('delete', second.id, '--json');
  expect(JSON.parse(script.out)).toEqual({ count: 1 });
  expect(JSON.parse(script.err)).toMatchObject({ deleted: second.id, account: 'erp', mailbox: 'erp@contoso.example' });
});

test('a message that was given up is shown as such, exported and released; a delivered one has no content', async () => {
  const { folder, queue, first, second } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: false });
  for (const [message, state] of [[first, 'failed'] as const, [second, 'delivered'] as const]) {
    await store.record(message.id, {
      attempt: { startedAtMs: Date.UTC(2026, 0, 6), durationMs: 1, outcomes: [] },
      recipients: message.recipients.map((each) => ({ ...each, state })),
      state,
      nextAttemptAtMs: 0,
    });
  }
  await store.close();
  expect((await queue('list')).out).toContain(`${first.id}  failed  `);
  expect((await queue('export', first.id)).out).toBe('Subject: first\r\n\r\n');
  expect(await queue('export', second.id)).toMatchObject({ code: 1, err: expect.stringContaining('no longer kept') });
  expect((await queue('retry', '--all')).out).toBe('0 messages due now\n');
  expect((await queue('release', '--all')).out).toBe('1 message released\n');
  expect((await queue('list', '--state', 'queued')).out).toContain(`${first.id}  queued  `);
});

test('a damaged message is listed, exported as far as it goes, and released where it is named', async () => {
  const { folder, queue } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const large = await put(store, Buffer.alloc(100_000, 'a'));
  truncateSync(join(folder, 'data', 'queue', 'bodies', `${large.id}.eml`), 70_000);
  await store.quarantine(large.id, 'The disk ate it.');
  await store.close();
  expect((await queue('list', '--state', 'quarantined')).out).toMatch(
    / {2}quarantined {2}.* {2}\[1\]\n\n\[1\] The disk ate it\. \(1 message\)\n\n1 m/,
  );
  const exported = await queue('export', large.id);
  expect(exported).toMatchObject({ code: 1, err: expect.stringContaining('may not be all of it') });
  expect(exported.out).toHaveLength(70_000);
  expect((await queue('release', '--all')).out).toBe('0 messages released\n');
  expect((await queue('release', large.id)).out).toBe('1 message released\n');
});

test('repair wants the bridge stopped, and keeps what there is', async () => {
  const { folder, queue, first } = await filled();
  const lock = takeDataFolder(join(folder, 'data'));
  expect(await queue('repair')).toMatchObject({ code: 2, err: expect.stringContaining('Another bridge is running') });
  lock.release();
  const { code, out } = await queue('repair');
  expect(code).toBe(0);
  expect(out).toMatch(/^✓ 2 messages saved\nThe damaged database is kept: .*queue-damaged-\d{14}\.sqlite\n$/);
  expect((await queue('show', first.id)).out).toContain('Register it.');
});

test('repair leaves the data folder alone where the queue is in PostgreSQL', async () => {
  const { folder, file, queue } = await filled();
  const configured = JSON.parse(readFileSync(file, 'utf8'));
  const postgres = { url: 'postgres://mailbridge:x@127.0.0.1/mail' };
  writeFileSync(file, JSON.stringify({ ...configured, queue: { store: 'postgres', postgres } }));
  const before = readdirSync(join(folder, 'data', 'queue'));
  const { code, out, err } = await queue('repair');
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(
    /^mailbridge: "queue repair" is for a queue in the data folder, and queue\.store is "postgres"\. /,
  );
  expect(err).toContain(`For a queue that was left in ${join(folder, 'data')}, set queue.store to "sqlite" first.`);
  expect(readdirSync(join(folder, 'data', 'queue'))).toEqual(before);
});

test('what is not seen, or would move the cursor, is shown as what it is, and JSON says exactly what it was', async () => {
  const { folder, queue } = await someQueue();
  mkdirSync(join(folder, 'data'));
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const address = 'ann\u202emoc.\u200b@contoso.example';
  const text = '550 no \u001b[2J\u0007\u202egnp\u2028x';
  const { id, recipients } = await put(store, 'Subject: x\r\n\r\n');
  const refused = { outcome: 'temporary', code: '4.0.0', text } as const;
  await store.record(id, {
    attempt: { startedAtMs: 0, durationMs: 1, upstreamId: '\u2066id', outcomes: [{ address, ...refused }] },
    recipients: recipients.map((each) => ({ ...each, last: refused })),
    state: 'queued',
    nextAttemptAtMs: Date.UTC(2099, 0, 1),
  });
  await store.close();
  for (const args of [['list'], ['show', id]]) {
    const { out } = await queue(...args);
    expect(out).toMatch(/^[ -~\n]+$/);
    expect(out).toContain('550 no \\u001b[2J\\u0007\\u202egnp\\u2028x');
    const json = (await queue(...args, '--json')).out;
    expect(json).toMatch(/^[ -~\n]+$/);
    const [shown] = [JSON.parse(json)].flat();
    expect(shown.recipients[0].last.text).toBe(text);
  }
  const { out } = await queue('show', id);
  expect(out).toContain('<ann\\u202emoc.\\u200b@contoso.example>');
});

test('what comes to be meant while delete asks is left alone, and so is what is meant no more', async () => {
  const { folder, queue, first, second } = await filled();
  await queue('hold', first.id);
  const line = ['queue', 'delete', '--state', 'held', '--config', join(folder, 'config.json')];
  const { code, out, err } = await atTerminal(line, async () => {
    await queue('release', first.id);
    await queue('hold', second.id);
    return 'y\n';
  });
  expect({ code, out }).toEqual({ code: 0, out: '0 messages deleted\n' });
  expect(err).toMatch(/^Delete 1 message, .*\[y\/N\] $/);
  expect((await queue('list')).out).toContain(first.id);
  expect((await queue('list', '--state', 'held')).out).toContain(second.id);
});

test('delete takes more messages than one question to the store may name, and tells each', async () => {
  const { folder, queue } = await filled();
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: false });
  await Promise.all(Array.from({ length: 2_100 }, () => put(store, 'x')));
  await store.close();
  const { code, out, err } = await queue('delete', '--all', '--yes');
  expect({ code, out }).toEqual({ code: 0, out: '2102 messages deleted\n' });
  expect(err.match(/^deleted /gm)).toHaveLength(2_102);
});
