import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { reversePath } from './relay.ts';

export const connections = 16;
export const messageBytes = 10_240;

/**
 * Sends messages with Postfix's smtp-source, over connections that stay open.
 * @returns when the first was begun and when the last was accepted, in milliseconds since 1970
 */
export async function sendMessages(
  port: number,
  messages: number,
  recipient: string,
): Promise<{ readonly fromMs: number; readonly untilMs: number }> {
  const options = ['-d', '-s', connections, '-m', messages, '-l', messageBytes, '-f', reversePath, '-t', recipient];
  const fromMs = performance.timeOrigin + performance.now();
  const child = spawn('smtp-source', [...options.map(String), `127.0.0.1:${port}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`smtp-source has failed (${code}): a message was refused`);
  return { fromMs, untilMs: performance.timeOrigin + performance.now() };
}
