import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { Agent, fetch } from 'undici';
import { expect, test } from 'vitest';
import { FormBrowser } from '../simulator/entra-browser.ts';
import { afterTest } from '../simulator/harness.ts';
import { needProgram } from '../support/external.ts';
import { freePorts } from '../support/ports.ts';
import { recordProcess } from '../support/secret-search/command-output.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const project = resolve(import.meta.dirname, '../..');

test('the first set-up on the simulator goes as docs/simulator.md has it', { timeout: 120_000 }, async (context) => {
  needProgram(context, 'curl');
  const portBase = await freePorts(6);
  const [simulate, setUp] = documentedCommands(portBase);
  const terminal = new Terminal();
  void terminal.begin(simulate?.[0] ?? '');
  const nextCommand = await terminal.shown(/^ {2}mailbridge (init .*)$/m);
  expect(setUp?.[0]).toContain(nextCommand.slice(nextCommand.indexOf('--cloud')));
  for (const command of setUp ?? []) {
    const isLast = command === 'mailbridge start';
    const exited = terminal.begin(command);
    if (command.includes('register-app')) {
      await signInAsAdministrator(terminal, await terminal.shown(/enter the code\s+([A-Z\d]{9})/));
    }
    if (isLast) await terminal.shown(/(ready: )/);
    else expect(await exited, `${command}\n${terminal.text}`).toBe(0);
    if (command.includes('mailbridge init')) leaveAdminPortOpen(terminal);
  }
  const control = `http://127.0.0.1:${portBase + 5}`;
  const inbox = (await (await fetch(`${control}/mailboxes/alice@contoso.example/inbox`)).json()) as {
    messages: unknown[];
  };
  expect(inbox.messages).toHaveLength(1);
});

/** Another test may take the port that init found free before the bridge starts. */
function leaveAdminPortOpen({ folder }: Terminal): void {
  const file = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  expect(config.admin.port).toBeGreaterThanOrEqual(8025);
  writeFileSync(file, JSON.stringify({ ...config, admin: { port: 0 } }));
}

/** The blocks of the document's chapter, each as its lines, on free ports. */
function documentedCommands(portBase: number): string[][] {
  const document = readFileSync(join(project, 'docs/simulator.md'), 'utf8');
  const chapter = document.split(/^## /m).find((each) => each.startsWith('The first set-up')) ?? '';
  const blocks = [...chapter.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.map((block) =>
    block
      .trim()
      .replace(/\b900(\d)\b/g, (_, n: string) => String(portBase + Number(n)))
      .split('\n'),
  );
}

/** Terminals in one empty folder, where `mailbridge` is a command. */
class Terminal {
  readonly folder = temporaryFolder();
  readonly #path: string;
  #text = '';

  constructor() {
    const bin = join(this.folder, '.bin');
    mkdirSync(bin);
    const program = join(bin, 'mailbridge');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'src/main.ts')}' "$@"\n`);
    chmodSync(program, 0o755);
    this.#path = `${bin}${delimiter}${process.env.PATH}`;
  }

  /** Everything printed so far. */
  get text(): string {
    return this.#text;
  }

  /** Types a command. @returns its exit code, once it has ended */
  begin(command: string): Promise<number | null> {
    const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: this.#path, MAILBRIDGE_CONFIG: undefined },
    });
    recordProcess(child, [command]);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
      });
    }
    const ended = new Promise<number | null>((done) => child.once('close', done));
    afterTest(async () => {
      // Its child processes end with it.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
    });
    return ended;
  }

  /** Waits for a text; returns its first group. */
  async shown(pattern: RegExp): Promise<string> {
    await expect.poll(() => this.#text, { timeout: 30_000 }).toMatch(pattern);
    return pattern.exec(this.#text)?.[1] ?? '';
  }
}

async function signInAsAdministrator({ folder, text }: Terminal, code: string): Promise<void> {
  const { cloud } = JSON.parse(readFileSync(join(folder, 'simulator.json'), 'utf8'));
  const dispatcher = new Agent({ connect: { ca: readFileSync(cloud.caFile, 'utf8') } });
  afterTest(() => dispatcher.destroy());
  const browser = new FormBrowser({ endpoints: cloud, get: (url, init) => fetch(url, { ...init, dispatcher }) });
  await browser.open('/deviceauth');
  await browser.submit({ otc: code });
  await browser.submit({ username: /Administrator +(\S+)/.exec(text)?.[1] ?? '' });
  await browser.submit({ password: /Password +(\S+)/.exec(text)?.[1] ?? '' });
  if (browser.page.title.startsWith('Permissions requested')) await browser.submit({ decision: 'accept' });
}
