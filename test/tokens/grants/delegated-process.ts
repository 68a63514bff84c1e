import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { openLog } from '../../../src/base/log.ts';
import { delegatedGrant } from '../../../src/tokens/grants/delegated.ts';
import { openSignInFile } from '../../../src/tokens/sign-ins/file-store.ts';
import { openSignInRecord } from '../../../src/tokens/sign-ins/record-store.ts';
import { FileRecords } from '../../support/shared-records.ts';

/** The order given to a process: see `delegated-processes.test.ts`. */
export interface GrantProcessOrder {
  readonly app: { readonly authority: string; readonly tenantId: string; readonly clientId: string };
  readonly ca: string;
  readonly file: string;
  /** Whether the file contains records, like a store that instances share. */
  readonly inRecord: boolean;
  /** Base64. */
  readonly key: string;
  readonly scopes: readonly string[];
  readonly forceRenew: boolean;
  readonly times: number;
}

// Reports that it is up, waits for the start signal, acquires, and prints the tokens.
const order = JSON.parse(process.argv[2] ?? '') as GrantProcessOrder;
const { app, scopes, forceRenew } = order;
const log = openLog({ level: 'silent', format: 'json' });
const http = createHttpClient({ ca: order.ca, env: {} });
const key = async () => Buffer.from(order.key, 'base64');
const shared = { connection: 'contoso', app, key, clock: systemClock, log };
const store = order.inRecord
  ? openSignInRecord({ ...shared, records: new FileRecords(order.file) })
  : openSignInFile({ ...shared, file: order.file });
const grant = delegatedGrant({
  name: 'contoso',
  ...app,
  http,
  clock: systemClock,
  kind: 'device-code',
  store,
  scopes: { exchange: scopes },
});
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
const tokens: string[] = [];
for (let i = 0; i < order.times; i++) tokens.push((await grant.acquire(scopes, { forceRenew })).value);
process.stdout.write(`${JSON.stringify(tokens)}\n`);
process.stdin.destroy();
await http.close();
