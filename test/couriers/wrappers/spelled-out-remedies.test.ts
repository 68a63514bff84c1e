import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { transactionRefusal } from '../../../src/couriers/exchange-smtp/errors.ts';
import { graphRefusal } from '../../../src/couriers/graph/errors.ts';
import { recipientOutcome } from '../../../src/couriers/verdict.ts';
import { spelledOutRemedies } from '../../../src/couriers/wrappers/spelled-out-remedies.ts';
import { parseSmtpReply } from '../../../src/exchange/smtp/reply.ts';
import { GraphError } from '../../../src/graph/client/error.ts';

/** The remedy in the report of a refused message. */
async function remedy(
  reply: string,
  { from, reversePath = 'reports@contoso.com', login }: { from: string; reversePath?: string; login?: string },
) {
  const recipients = [{ address: 'bo@fabrikam.com' }];
  const verdict = reply.startsWith('403')
    ? graphRefusal(new GraphError(reply, { status: 403, code: 'ErrorSendAsDenied' }))
    : transactionRefusal(parseSmtpReply(reply)!);
  const report = { recipients: [recipientOutcome('bo@fabrikam.com', verdict)] };
  const message = {
    id: 'q1',
    mailbox: 'reports@contoso.com',
    envelope: { reversePath, recipients, eightBit: false, smtpUtf8: false },
    size: 1,
    open: () => Readable.from([Buffer.from(`From: ${from}\r\n\r\n`)]),
  };
  const wrap = spelledOutRemedies(async (mailbox) => login ?? mailbox);
  const filled = await wrap({ deliver: async () => report }).deliver(message, new AbortController().signal);
  return filled.recipients[0]!.remedy;
}

const refused = '550 5.7.60 SMTP; Client does not have permissions to send as this sender';

test('a refused sender: the commands are ready to be pasted', async () => {
  expect(await remedy(refused, { from: 'The Boss <boss@contoso.com>' })).toBe(
    "The mailbox 'reports@contoso.com' may not send as 'boss@contoso.com'. Let the program send as the mailbox, or set " +
      'forceFrom of the account, or give the mailbox the right, either Add-RecipientPermission ' +
      "'boss@contoso.com' -Trustee 'reports@contoso.com' -AccessRights SendAs (to send as), or Set-Mailbox " +
      "'boss@contoso.com' -GrantSendOnBehalfTo @{Add='reports@contoso.com'} (to send on behalf). A change can take an hour.",
  );
});

test('From is the mailbox: then it is the reverse-path that was refused', async () => {
  const said = await remedy(refused, { from: 'REPORTS@contoso.com', reversePath: 'mfp@contoso.com' });
  expect(said).toContain("may not send as 'mfp@contoso.com'");
});

test.each([refused, '403 ErrorSendAsDenied'])(
  'From is the mailbox itself: nobody is told to give it rights on itself (%s)',
  async (reply) => {
    const said = await remedy(reply, { from: 'Reports <Reports@contoso.com>' });
    expect(said).not.toMatch(/Add-RecipientPermission|forceFrom/);
    expect(said).toContain(
      "no right is missing. Check that this is one of the addresses of the mailbox (Get-Mailbox 'reports@contoso.com' |",
    );
    expect(said).toContain('Set-OrganizationConfig -SendFromAliasEnabled $true');
    expect(said).toContain('without a display name');
  },
);

test('Sender is another address: then it is Sender that was refused', async () => {
  const said = await remedy('403 ErrorSendAsDenied', { from: 'reports@contoso.com\r\nSender: <mfp@contoso.com>' });
  expect(said).toContain("may not send as 'mfp@contoso.com'");
});

test.each([refused, '403 ErrorSendAsDenied'])(
  'a person signed in for a shared mailbox: the person gets the right (%s)',
  async (reply) => {
    expect(await remedy(reply, { from: 'reports@contoso.com', login: 'alice@contoso.com' })).toBe(
      "'alice@contoso.com' signed in and may not send as 'reports@contoso.com'. Give 'alice@contoso.com' the right: " +
        "Add-RecipientPermission 'reports@contoso.com' -Trustee 'alice@contoso.com' -AccessRights SendAs. " +
        'A change can take an hour.',
    );
  },
);

test('the address that Exchange names comes before our own reading', async () => {
  const words =
    '554 5.2.252 SendAsDenied; reports@contoso.com not allowed to send as sales@contoso.com; STOREDRV.Submission';
  expect(await remedy(words, { from: 'boss@contoso.com' })).toContain("may not send as 'sales@contoso.com'");
});

test('a From that is written to be pasted stays one string', async () => {
  const said = await remedy(refused, { from: `<"x';Remove-Mailbox*;'"@contoso.com>` });
  expect(said).toContain(`Add-RecipientPermission '"x'';Remove-Mailbox*;''"@contoso.com' -Trustee`);
});

test('other remedies and reports stay as they are', async () => {
  expect(await remedy('552 5.3.4 too large', { from: 'a@b.c' })).toContain(
    "Set-Mailbox 'reports@contoso.com' -MaxSendSize",
  );
  expect(await remedy('550 5.1.1 unknown', { from: 'a@b.c' })).toBe('Correct the address in the sending program.');
});
