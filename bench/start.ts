/** Measures how long a start takes until the `ready` line, and the memory of an idle bridge after it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cronAccount, nowhere } from '../test/packaging/nowhere.ts';

const usage = `Usage: npm run bench:start -- [--runs N] [--idle SECONDS] [--full] [--real-time] PROGRAM [ARGUMENT ...]

Starts PROGRAM (an executable, or node and a script) N times with a configuration of its own, and prints for each figure the
lowest, the middle and the highest: milliseconds to the ready line; resident megabytes SECONDS later, and those of them that
are its own (anonymous). Nobody answers in Microsoft's place.

  --runs N       default 9; one more before them is not counted: it fills caches
  --idle SECONDS default 5
  --full         listeners for SMTP, IMAP and POP3 and the admin port; else one for SMTP
  --real-time    before everything else that the machine does (chrt): on one that is busy, the program's own time

Example: npm run bench:start -- dist/packages/mailbridge-0.1.0-linux-x64
`;

const { values, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '9' },
    idle: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    'real-time': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
  allowPositionals: true,
});

interface Figures {
  readonly readyMs: number;
  readonly residentMb: number;
  readonly ownMb: number;
}

async function measure(config: string): Promise<Figures> {
  const [program = '', ...args] = [...(values['real-time'] ? ['chrt', '-r', '1'] : []), ...positionals];
  const start = performance.now();
  const child = spawn(program, [...args, 'start', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const ready = new Promise<number>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (text: Buffer) => {
      said += text;
      if (said.includes('"ready: ')) resolve(performance.now() - start);
    });
    child.once('exit', () => reject(new Error(`it has ended:\n${said}`)));
  });
  const readyMs = await ready;
  await delay(Number(values.idle) * 1000);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  const figures = { readyMs, residentMb: megabytes('VmRSS'), ownMb: megabytes('RssAnon') };
  child.kill('SIGTERM');
  await exit;
  return figures;
}

function configuration(folder: string): string {
  const file = join(folder, 'config.json');
  const protocols = values.full ? ['smtp', 'imap', 'pop3'] : ['smtp'];
  const config = {
    dataDir: join(folder, 'data'),
    hostname: 'bridge.example',
    listeners: protocols.map((protocol) => ({ protocol, host: '127.0.0.1', port: 0, security: 'starttls' })),
    connections: { nowhere },
    accounts: [{ ...cronAccount, ...(values.full && { read: 'imap', password: 'not-one-of-anybody' }) }],
    ...(values.full && { admin: { host: '127.0.0.1', port: 0 } }),
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

function row(name: string, numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number) => String(Math.round(sorted[Math.round((sorted.length - 1) * share)] ?? 0)).padStart(8);
  return `${name.padEnd(26)}${at(0)}${at(0.5)}${at(1)}\n`;
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-start-'));
  try {
    const config = configuration(folder);
    await measure(config);
    const figures: Figures[] = [];
    for (let n = 0; n < Number(values.runs); n++) figures.push(await measure(config));
    process.stdout.write(`${' '.repeat(26)}  lowest  middle highest\n`);
    process.stdout.write(
      row(
        'ready after, ms',
        figures.map(({ readyMs }) => readyMs),
      ),
    );
    process.stdout.write(
      row(
        'resident, MB',
        figures.map(({ residentMb }) => residentMb),
      ),
    );
    process.stdout.write(
      row(
        'of that its own, MB',
        figures.map(({ ownMb }) => ownMb),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.help || positionals.length === 0) process.stdout.write(usage);
else await run();
