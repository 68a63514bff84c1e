import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTransport } from 'nodemailer';
import { demoPassword } from '../../src/cli/demo/walk.ts';

const command = join(import.meta.dirname, '../../bin/mailbridge.js');

/** The demo, running as a visitor would run it. */
export interface RunningDemo {
  /** Address of the pages; opening it signs in. */
  readonly pages: string;
  readonly configFile: string;
  /** Changes the settings that administrators of the simulated tenant control. */
  setState(state: object): Promise<void>;
  /** Sends a message. Resolves once it is accepted. */
  send(username: string, subject: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the demo and waits until it has printed its settings. */
export async function runDemo(): Promise<RunningDemo> {
  const child = spawn(process.execPath, [command, 'demo', '--port-base', '21500'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await untilSettings(child);
  const found = (pattern: RegExp) => pattern.exec(output)?.[0] ?? '';
  const control = found(/(?<=controls +)http:\S+/);
  const transport = (user: string) =>
    createTransport({
      host: '127.0.0.1',
      port: Number(found(/(?<=SMTP +)\d+/)),
      tls: { rejectUnauthorized: false },
      auth: { user, pass: demoPassword },
    });
  return {
    pages: found(/http:\S+#token=\S+/),
    configFile: found(/\S+config\.json/),
    async setState(state) {
      const response = await fetch(`${control}/state`, { method: 'PATCH', body: JSON.stringify(state) });
      if (!response.ok) throw new Error(await response.text());
    },
    async send(username, subject) {
      const to = 'alice@contoso.example';
      await transport(username).sendMail({ from: 'reports@contoso.example', to, subject, text: `${subject}\n` });
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function untilSettings(child: ChildProcess): Promise<string> {
  let output = '';
  if (!child.stdout) throw new Error('the demo has no output');
  for await (const line of createInterface(child.stdout)) {
    output += `${line}\n`;
    if (line.startsWith('What your programs do appears below')) break;
  }
  child.stdout.resume();
  return output;
}
