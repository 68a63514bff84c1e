import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reversePath } from './relay.ts';

export const connections = 16;
export const messageBytes = 10_240;

/**
 * Sends messages with Postfix's smtp-source, over connections that stay open, the same share to each port.
 * @returns when the first was begun and when the last was accepted, in milliseconds since 1970
 */
export async function sendMessages(
  ports: readonly number[],
  messages: number,
  recipient: string,
): Promise<{ readonly fromMs: number; readonly untilMs: number }> {
  const fromMs = performance.timeOrigin + performance.now();
  await Promise.all(ports.map((port) => sendShare(port, ports.length, messages, recipient)));
  return { fromMs, untilMs: performance.timeOrigin + performance.now() };
}

async function sendShare(port: number, ports: number, messages: number, recipient: string): Promise<void> {
  const share = ['-s', connections / ports, '-m', messages / ports];
  const options = ['-d', ...share, '-l', messageBytes, '-f', reversePath, '-t', recipient];
  const child = spawn('smtp-source', [...options.map(String), `127.0.0.1:${port}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`smtp-source has failed (${code}): a message was refused`);
}
