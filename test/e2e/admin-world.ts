import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createTransport } from 'nodemailer';
import { onTestFinished } from 'vitest';
import { LogTail } from '../../src/admin/api/log/log-tail.ts';
import { startBridge } from '../../src/app/bridge.ts';
import { openLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { described, type OpenApi } from '../admin/described.ts';
import { contosoConfig, password, relayFolder, startContoso } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';

/** A bridge with an admin server in front of a simulator, and a client that has the token. */
export async function startAdministered(changes: Partial<ConfigInput> = {}, running?: Simulator) {
  const simulator = running ?? (await startContoso());
  onTestFinished(() => simulator.close());
  const folder = await relayFolder(contosoConfig(simulator, { admin: { port: 0 }, dataDir: 'data', ...changes }));
  onTestFinished(() => folder.remove());
  const logTail = new LogTail();
  const destination = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = openLog({ level: 'info', format: 'json', destination, tail: (line) => logTail.add(line) });
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const bridge = await startBridge(config, { log, logTail });
  onTestFinished(() => bridge.stop());
  const port = logTail.last(100, { search: 'admin endpoint' })[0]?.fields.port as number;
  const token = readFileSync(join(folder.path, 'data', 'admin-token'), 'utf8').trim();
  noteSecret('admin token', token);
  const origin = `http://127.0.0.1:${port}`;
  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${origin}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const isPlain = config.admin?.security !== 'tls';
  const api = (isPlain ? await (await ask('GET', '/openapi.json')).json() : {}) as OpenApi;
  /** Makes a request, and checks the response against the API description. */
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, body);
    return { status: answer.status, body: (await described(api, method, `/api/v1${path}`, answer)) as never };
  };
  const send = (user: string, message: object) => {
    const [listener] = bridge.listeners;
    const transport = createTransport({
      ...{ host: '127.0.0.1', port: listener?.port ?? 0, auth: { user, pass: password } },
      tls: { rejectUnauthorized: false },
    });
    return transport.sendMail({ from: 'reports@contoso.com', text: 'as always', ...message });
  };
  return { simulator, bridge, folder, config, token, origin, ask, call, send, api };
}
