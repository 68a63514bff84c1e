import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { RegisterAppReport } from '../../../src/cli/register-app/report.ts';

const registered = {
  clientId: 'client',
  applicationId: 'application',
  servicePrincipalId: 'principal',
  credential: undefined,
  changed: true,
};
const outcome = {
  connection: 'contoso',
  tenantId: 'tenant',
  delegated: false,
  nextLogin: 'mailbridge login contoso',
  registered,
  proven: true,
  oldRemoved: undefined,
  exchangeScript: undefined,
  scriptFile: undefined,
  config: { written: false, path: 'config.json', connections: { contoso: { clientId: 'client' } } },
} as const;

function said(outcomeToTell: Parameters<RegisterAppReport['conclude']>[0]): string {
  let text = '';
  const stdout = new PassThrough().on('data', (chunk) => {
    text += chunk;
  });
  const io = { stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: {} };
  new RegisterAppReport(io, false).conclude(outcomeToTell);
  return text;
}

test('where there is no configuration the block to paste is shown', () => {
  expect(said(outcome)).toMatchInlineSnapshot(`
    "
    There is no config.json yet. Put this into it:

      {
        "connections": {
          "contoso": {
            "clientId": "client"
          }
        }
      }

    The rest is set up in Exchange: mailbridge exchange-script contoso, once accounts name the mailboxes.
    Then: mailbridge check contoso
    "
  `);
});

test('an old secret that cannot be told apart is left, and said to be', () => {
  const config = { written: true, path: 'config.json', backup: 'config.json.bak' } as const;
  expect(said({ ...outcome, config, oldRemoved: false })).toContain('remove it in the Entra admin center');
});
