import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { RecordTable } from '../../../src/base/record-table.ts';
import { openSignInFile, type SignInFileOptions } from '../../../src/tokens/sign-ins/file-store.ts';
import { openSignInRecord, type SignInRecordOptions } from '../../../src/tokens/sign-ins/record-store.ts';
import type { SignIn } from '../../../src/tokens/sign-ins/store.ts';

export const app = {
  authority: 'https://login.microsoftonline.com',
  tenantId: 'contoso.onmicrosoft.com',
  clientId: '11111111-2222-3333-4444-555555555555',
};

/** Top secret: must appear nowhere. */
export const refreshToken = '0.AXoA-refresh-token-of-jo';

export const signIn: SignIn = {
  ...app,
  username: 'jo@contoso.com',
  homeTenantId: '8eaef023-2b34-4da1-9baa-8bc8c9d6a490',
  scopes: { graph: ['Mail.Send'], exchange: ['SMTP.Send'] },
  signedInAtMs: 0,
  renewedAtMs: 0,
  msalCache: JSON.stringify({ RefreshToken: { one: { secret: refreshToken } } }),
};

export const key = Buffer.alloc(32, 7);

export function store(file: string, changes: Partial<SignInFileOptions> = {}) {
  return openSignInFile({
    connection: 'contoso',
    file,
    app,
    key: async () => key,
    clock: systemClock,
    log: silentLog,
    ...changes,
  });
}

export function recordStore(records: RecordTable, changes: Partial<SignInRecordOptions> = {}) {
  return openSignInRecord({
    connection: 'contoso',
    records,
    app,
    key: async () => key,
    clock: systemClock,
    log: silentLog,
    ...changes,
  });
}
