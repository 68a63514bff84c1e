import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needProgram, runProgram } from '../support/external.ts';
import {
  alice,
  arrived,
  bob,
  contosoAccount,
  couriers,
  password,
  type Relay,
  reports,
  startRelay,
  submissions,
  until,
} from '../support/relay.ts';

let relay: Relay;

const stranger = 'customer@fabrikam.example';

beforeAll(async () => {
  relay = await startRelay({
    listeners: [{ protocol: 'smtp', port: 0, security: 'none' }],
    accounts: couriers.flatMap((send) => [
      contosoAccount(send, {
        username: `${send}-rewrite`,
        rewrite: {
          senders: { '*@erp.local': reports, 'old@contoso.com': reports },
          recipients: { '*@lab.local': bob, 'alicia@contoso.com': alice },
        },
      }),
      contosoAccount(send, { username: `${send}-staging`, redirectAllTo: bob, dropDuplicates: 600 }),
      contosoAccount(send, { username: `${send}-direct`, redirectAllTo: bob, delivery: 'direct' }),
      contosoAccount(send, {
        username: `${send}-headers`,
        headers: {
          add: { 'X-Source': 'scanner 3', Importance: 'high', Subject: 'Büro' },
          remove: ['X-Mailer', 'X-Originating-IP'],
        },
      }),
    ]),
  });
});

afterAll(() => relay?.close());

async function swaks(account: string, from: string, to: readonly string[], message: string): Promise<string> {
  const login = ['--auth', 'PLAIN', '--auth-user', account, '--auth-password', password];
  const envelope = ['--from', from, '--to', to.join(',')];
  const args = ['--server', '127.0.0.1', '--port', String(relay.port()), ...envelope, ...login, '--data', '-'];
  const { code, output } = await runProgram('swaks', args, message);
  expect(code, output).toBe(0);
  return output;
}

/** The recipients of the submissions with a Message-ID. */
function mailed(id: string): string[] {
  return submissions(relay.simulator, id).flatMap(({ recipients }) => recipients);
}

function field(message: string, name: string): string | undefined {
  return new RegExp(`^${name}: ((?:.*\\r\\n[ \\t])*.*)\\r$`, 'm').exec(message)?.[1];
}

describe.each(couriers)('by %s', (courier) => {
  test('swaks: addresses are rewritten in envelope and header, and two that become one get one', async (context) => {
    needProgram(context, 'swaks');
    const id = `<rewrite-${courier}@erp>`;
    const header = `From: The ERP <jobs@erp.local>\r\nReply-To: old@contoso.com\r\nTo: Lab <root@lab.local>, alicia@contoso.com`;
    const to = ['root@lab.local', 'cron@lab.local', 'ALICIA@contoso.com'];
    await swaks(`${courier}-rewrite`, 'jobs@erp.local', to, `${header}\r\nMessage-ID: ${id}\r\n\r\nhello\r\n`);
    const message = (await arrived(relay.simulator, bob, 'INBOX', id)).toString();
    expect(field(message, 'From')).toBe(`The ERP <${reports}>`);
    expect(field(message, 'Reply-To')).toBe(reports);
    expect(field(message, 'To')).toBe(`Lab <${bob}>, ${alice}`);
    await arrived(relay.simulator, alice, 'INBOX', id);
    expect(mailed(id).toSorted()).toEqual([alice, bob]);
    expect(submissions(relay.simulator, id)).toHaveLength(1);
  });

  test('curl: a staging system mails nobody but the one address, which sees whom it was for', async (context) => {
    needProgram(context, 'curl');
    const id = `<staging-${courier}@erp>`;
    const file = join(relay.folder.path, `staging-${courier}.eml`);
    const header = `From: ${reports}\r\nTo: Customer <${stranger}>\r\nCc: ${alice}\r\nBcc: boss@fabrikam.example`;
    await writeFile(file, `${header}\r\nMessage-ID: ${id}\r\n\r\nan invoice\r\n`);
    const recipients = [stranger, alice, 'boss@fabrikam.example'].flatMap((address) => ['--mail-rcpt', address]);
    const { code, output } = await runProgram('curl', [
      ...['--silent', '--show-error', '--mail-from', reports, ...recipients, '--upload-file', file],
      ...['--user', `${courier}-staging:${password}`, `smtp://127.0.0.1:${relay.port()}/client.test`],
    ]);
    expect(code, output).toBe(0);
    const message = (await arrived(relay.simulator, bob, 'INBOX', id)).toString();
    expect(field(message, 'To')).toBe(bob);
    expect(field(message, 'Cc')).toBeUndefined();
    expect(field(message, 'X-Mailbridge-To')).toBe(`Customer <${stranger}>`);
    expect(field(message, 'X-Mailbridge-Cc')).toBe(alice);
    expect(field(message, 'X-Mailbridge-Recipients')).toBe(`${stranger},\r\n ${alice},\r\n boss@fabrikam.example`);
    expect(mailed(id)).toEqual([bob]);
  });

  test('a duplicate is told by whom the client named, not by the one who gets it', async (context) => {
    needProgram(context, 'swaks');
    const id = `<same-${courier}@erp>`;
    const message = `From: ${reports}\r\nMessage-ID: ${id}\r\n\r\nthe same\r\n`;
    await swaks(`${courier}-staging`, reports, [stranger], message);
    await swaks(`${courier}-staging`, reports, [alice], message);
    expect(await swaks(`${courier}-staging`, reports, [alice], message)).toContain('Dropped: a duplicate of');
    await until('both to arrive', () => mailed(id).length === 2);
    expect(mailed(id)).toEqual([bob, bob]);
  });

  test('direct delivery is redirected likewise, and asked-for reports of success do not come', async (context) => {
    needProgram(context, 'python3');
    const id = `<direct-${courier}@erp>`;
    const program = `
import smtplib, sys
client = smtplib.SMTP("127.0.0.1", ${relay.port()})
client.login("${courier}-direct", sys.stdin.read())
text = "From: ${reports}\\r\\nTo: ${stranger}\\r\\nMessage-ID: ${id}\\r\\n\\r\\nhello\\r\\n"
client.sendmail("${reports}", ["${stranger}"], text, rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
client.quit()
`;
    const { code, output } = await runProgram('python3', ['-c', program], password);
    expect(code, output).toBe(0);
    expect(mailed(id)).toEqual([bob]);
    const reportsOnIt = relay.simulator.directory
      .messages(reports, 'INBOX')
      .filter(({ content }) => content.includes(id));
    expect(reportsOnIt).toEqual([]);
  });

  test('header fields are taken out and added', async (context) => {
    needProgram(context, 'swaks');
    const id = `<headers-${courier}@erp>`;
    const header = `From: ${reports}\r\nTo: ${alice}\r\nX-Mailer: old\r\nX-Originating-IP: 10.0.0.1\r\nImportance: low`;
    await swaks(`${courier}-headers`, reports, [alice], `${header}\r\nMessage-ID: ${id}\r\n\r\nhello\r\n`);
    const message = (await arrived(relay.simulator, alice, 'INBOX', id)).toString();
    expect(message).not.toMatch(/^(?:X-Mailer|X-Originating-IP):/m);
    expect(message.match(/^Importance: \w+/gm)).toEqual(['Importance: low']);
    expect(field(message, 'X-Source')).toBe('scanner 3');
    expect(field(message, 'Subject')).toBe('=?utf-8?B?QsO8cm8=?=');
  });
});
