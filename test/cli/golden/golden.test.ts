import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { AppPasswordFile } from '../../../src/accounts/sources/app-passwords/files/store.ts';
import { columnsOf } from '../../../src/cli/terminal/width.ts';
import { FormBrowser, signIn, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { type Microsoft365, microsoft365 } from '../../simulator/harness.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';
import { FakeTerminal, steady } from './terminal.ts';
import { configure, emptyFolder, fillQueue, folder, morning } from './world.ts';

let simulator: Microsoft365;
beforeEach(() => vi.stubEnv('TZ', 'Europe/Berlin'));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string) => join(folder, name);
const enter = /enter\s+the\s+code\s+([A-Z\d]{9})/;

/** For each command, its output if all is well, and for the most common problem. */
const scenes: Readonly<Record<string, (terminal: FakeTerminal) => Promise<void>>> = {
  async mailbridge(terminal) {
    await terminal.run(['--help']);
    await terminal.run(['chekc']);
  },
  async start(terminal) {
    const config = configure(simulator, 'config.json', {}, { admin: { port: 0 } });
    await terminal.run(['start', '--help']);
    await terminal.run(['start', '--config', config], { meanwhile: () => sendAndStop(terminal) });
    const listeners = [{ protocol: 'smtp', port: await takenPort() }];
    await terminal.run(['start', '--config', configure(simulator, 'config.json', {}, { listeners })]);
    await terminal.run(['start', '--config', file('none.json')]);
    await terminal.run(['start', '--set-up', '--config', file('none.json')], {
      meanwhile: async () => {
        await terminal.until(/mailbridge admin token/);
        stopped();
      },
    });
  },
  async init(terminal) {
    await terminal.run(['init', '--help']);
    const answers = ['send', 'here', 'scan.contoso.com', 'scan@contoso.com', '', '', ''];
    await terminal.run(['init', '--config', file('config.json')], { answers });
    await terminal.run(['init', '--config', file('config.json')]);
  },
  async 'register-app'(terminal) {
    const config = configure(simulator, 'config.json', { clientId: undefined, clientSecret: undefined });
    await terminal.run(['register-app', '--help']);
    await terminal.run(['register-app', '--config', config], {
      meanwhile: async () => {
        const [, code = ''] = await terminal.until(enter);
        await signInAtDevicePage(simulator, code, `admin@${simulator.tenantDomain}`);
      },
    });
    await terminal.run(['register-app', '--send', 'graf', '--config', config]);
  },
  async consent(terminal) {
    const config = configure(simulator, 'config.json');
    await terminal.run(['consent', '--help']);
    await terminal.run(['consent', 'contoso', '--config', config], {
      meanwhile: async () => {
        const [link = ''] = await terminal.until(/https:\/\/\S+adminconsent\S+/);
        await terminal.until(/Waiting until/);
        const browser = new FormBrowser(simulator);
        await browser.open(link);
        await signIn(simulator, browser, `admin@${simulator.tenantDomain}`);
        await fetch(await browser.submitAndLeave({ decision: 'accept' }));
      },
    });
    await terminal.run(['consent', 'fabrikam', '--config', config]);
  },
  async login(terminal) {
    const person = configure(simulator, 'person.json', { grant: 'device-code', clientSecret: undefined }, readOnly);
    await terminal.run(['login', '--help']);
    await terminal.run(['login', '--config', person], {
      meanwhile: async () => {
        const [, code = ''] = await terminal.until(enter);
        await signInAtDevicePage(simulator, code, 'alice@contoso.example');
      },
    });
    await terminal.run(['login', '--config', configure(simulator, 'config.json')]);
  },
  async 'exchange-script'(terminal) {
    const config = configure(simulator, 'config.json');
    await terminal.run(['exchange-script', '--help']);
    await terminal.run(['exchange-script', '--config', config]);
    await terminal.run(['exchange-script', '--config', configure(simulator, 'config.json', {}, { accounts: [] })]);
    await terminal.run(['exchange-script', 'fabrikam', '--config', config]);
  },
  async check(terminal) {
    const config = configure(simulator, 'config.json');
    await terminal.run(['check', '--help']);
    await terminal.run(['check', '--config', config]);
    await terminal.run(['check', 'alice', '--verbose', '--config', config]);
    simulator.tenant.exchange.imapDisabledFor = ['alice@contoso.example'];
    await terminal.run(['check', '--config', config]);
    simulator.tenant.exchange.imapDisabledFor = [];
    await terminal.run(['check', '--config', configure(simulator, 'wrong.json', { clientSecret: 'wrong~secret' })]);
  },
  async demo(terminal) {
    await terminal.run(['demo', '--help']);
    await terminal.run(['demo', '--once']);
    await terminal.run(['demo', '--port-base', 'many']);
  },
  async simulate(terminal) {
    await terminal.run(['simulate', '--help']);
    await terminal.run(['simulate', '--write', file('simulator.json')], {
      meanwhile: async () => {
        await terminal.until(/mailbridge init/);
        for (const end of process.listeners('SIGTERM').slice(-1)) end('SIGTERM');
      },
    });
    await terminal.run(['simulate', '--port-base', String(await takenPort())]);
  },
  async queue(terminal) {
    const config = configure(simulator, 'config.json');
    await terminal.run(['queue', '--help']);
    await terminal.run(['queue', 'list', '--config', config]);
    const id = await fillQueue();
    vi.useFakeTimers({ toFake: ['Date'], now: morning });
    await terminal.run(['queue', 'list', '--config', config]);
    await terminal.run(['queue', 'list', '--summary', '--config', config]);
    await terminal.run(['queue', 'show', id, '--config', config]);
    await terminal.run(['queue', 'retry', id, '--config', config]);
    await terminal.run(['queue', 'delete', id, '--config', config], { answers: ['y'] });
    await terminal.run(['queue', 'show', id, '--config', config]);
    await terminal.run(['queue', 'delete', '--config', config]);
  },
  async backup(terminal) {
    const config = configure(simulator, 'config.json');
    await terminal.run(['backup', '--help']);
    const answers = ['correct horse battery', 'correct horse battery'];
    await terminal.run(['backup', file('monday.age'), '--config', config], { answers });
    await terminal.run(['backup', file('monday.age'), '--config', config]);
    await terminal.run(['restore', '--help']);
    const elsewhere = ['--config', file('new/config.json')];
    await terminal.run(['restore', file('monday.age'), ...elsewhere], { answers: ['wrong horse battery'] });
    await terminal.run(['restore', file('monday.age'), ...elsewhere], { answers });
  },
  async account(terminal) {
    const config = configure(simulator, 'config.json');
    const account = (...args: string[]) => terminal.run(['account', ...args, '--config', config]);
    vi.useFakeTimers({ toFake: ['Date'], now: morning });
    await terminal.run(['account', '--help']);
    await account('list');
    await account('add', 'scanner', '--name', 'second floor');
    await account('add', 'scanner', '--name', 'second floor');
    await account('add', 'scaner', '--name', 'third floor');
    await account('rotate', 'SCANNER', '--name', 'Second Floor');
    await new AppPasswordFile(file('data')).add('gone@contoso.example', 'phone of somebody who left', new Date());
    await account('list');
    await account('remove', 'scanner', '--name', 'third floor');
    await account('remove', 'scanner', '--name', 'second floor');
  },
  async 'install-service'(terminal) {
    await terminal.run(['install-service', '--help']);
    await terminal.run(['install-service', '--user', 'no such name']);
    await terminal.run(['uninstall-service', '--help']);
  },
  async sendmail(terminal) {
    await terminal.run(['sendmail', '--help']);
    await terminal.run(['sendmail', '-t', '--server', '127.0.0.1:1', '-f', 'scan@contoso.example'], {
      typed: 'To: ann@contoso.example\n\nhello\n.\n',
    });
  },
  async config(terminal) {
    await terminal.run(['config', '--help']);
    await terminal.run(['config', 'check', '--config', configure(simulator, 'config.json')]);
    const wrong = configure(simulator, 'wrong.json', { grant: 'client-credential' }, { listner: [] });
    await terminal.run(['config', 'check', '--config', wrong]);
    await terminal.run(['config', 'chek']);
  },
  async 'hash-password'(terminal) {
    await terminal.run(['hash-password', '--help']);
    await terminal.run(['hash-password'], { answers: ['geheim', 'geheim'] });
    await terminal.run(['hash-password'], { answers: ['geheim', 'gehiem', 'geheim', 'geheim'] });
    await terminal.run(['hash-password', 'geheim']);
  },
};

const readOnly = {
  accounts: [
    { username: 'alice', password: 'x', connection: 'contoso', mailbox: 'alice@contoso.example', read: 'imap' },
  ],
};

/** A port used by another program. */
async function takenPort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  return (other.address() as { port: number }).port;
}

/** Hands a bridge a message that is sent, and one from a client that is not allowed; then stops it as Ctrl-C does. */
async function sendAndStop(terminal: FakeTerminal): Promise<void> {
  const [, port = ''] = await terminal.until(/ready: smtp \S+:(\d+)/);
  const client = await SmtpDialogue.open(Number(port));
  await client.pipeline('EHLO client.test', `AUTH PLAIN ${btoa('\0scanner\0wrong')}`);
  await client.pipeline(`AUTH PLAIN ${btoa('\0scanner\0ganz-geheim-7')}`);
  await client.pipeline('MAIL FROM:<reports@contoso.example>', 'RCPT TO:<alice@contoso.example>');
  await client.message('From: reports@contoso.example\r\nTo: alice@contoso.example\r\n\r\ntext\r\n');
  client.destroy();
  await terminal.until(/ delivered /);
  stopped();
}

/** Stops the bridge that runs in this process. */
function stopped(): void {
  for (const end of process.listeners('SIGTERM').slice(-1)) end('SIGTERM');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    for (const own of process.listeners(signal).slice(-1)) process.off(signal, own);
  }
}

const words = (text: string) => new Set(text.split(/[\s,()\\]+/));

test.each(Object.keys(scenes))(
  '%s at 80 and 120 columns reads as it was read by those who made it',
  async (name) => {
    const shown: string[] = [];
    for (const width of [80, 120]) {
      emptyFolder();
      simulator = await microsoft365();
      simulator.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
      vi.useRealTimers();
      const terminal = new FakeTerminal(width);
      await scenes[name]?.(terminal);
      const golden = join(import.meta.dirname, String(width), `${name}.txt`);
      const text = steady(terminal.screen);
      const isNew = process.env.UPDATE_GOLDEN !== undefined;
      if (isNew) {
        mkdirSync(join(golden, '..'), { recursive: true });
        writeFileSync(golden, text);
      }
      expect.soft(text).toBe(existsSync(golden) ? readFileSync(golden, 'utf8') : '');
      expect.soft(tooWide(terminal.screen, width)).toEqual([]);
      shown.push(text);
    }
    const [narrow = '', wide = ''] = shown;
    const known = words(wide);
    // A broken word would show up as two others.
    expect([...words(narrow)].filter((word) => !known.has(word) && !word.endsWith('…'))).toEqual([]);
  },
  120_000,
);

/** Lines that the terminal itself would break, except for a longer word and text meant to be copied whole. */
function tooWide(text: string, width: number): string[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('$ ') && columnsOf(line) > width);
  return lines.filter(
    (line) =>
      line
        .trim()
        .replace(/^[✓✗!–→] /, '')
        .includes(' ') && !isScript(line),
  );
}

function isScript(line: string): boolean {
  return /^ *(#|\$|[A-Z][a-z]+-[A-Z]\w+ |if \(|foreach |})/.test(line);
}
