import { BridgeError } from '../../../base/errors.ts';
import { isPersonalTenant } from '../../../base/personal-accounts.ts';
import { quoted } from '../../../base/quoted-powershell.ts';
import { GraphError } from '../../../graph/client/error.ts';
import { sameAddress } from '../../../message/address/address.ts';
import { isPattern } from '../../../message/address/pattern.ts';
import type { OtherSender, SenderWay } from '../../../message/sender-way.ts';
import { courierChecks } from '../courier-checks.ts';
import type { MailboxContext } from '../mailbox-context.ts';
import { type CheckedSender, graphUser } from '../subject.ts';
import type { Finding, Hop } from './hop.ts';

const wayTexts: Readonly<Record<SenderWay, string>> = {
  'send-as': 'to send as',
  'on-behalf': 'to send on behalf of',
  alias: 'an alias',
};

/**
 * Each address that an account lists besides its mailbox, as far as it can be checked without a message: the aliases of
 * a mailbox, if Graph may be asked. No call shows rights to send as others.
 */
export function senderHops(context: MailboxContext, account: CheckedSender): Hop[] {
  const { username, mailbox, send, otherSenders = [] } = account;
  return otherSenders
    .filter(({ address }) => !isPattern(address))
    .map((other) => ({
      key: `sender ${username} ${other.address}`,
      name: 'sender',
      target: `${other.address}, ${wayTexts[other.as]}`,
      accounts: [username],
      needs: send.map((courier) => courierChecks[courier].key(mailbox)),
      run: () => lookAt(context, account, other),
    }));
}

async function lookAt(
  context: MailboxContext,
  account: CheckedSender,
  { address, as }: OtherSender,
): Promise<Finding | { readonly notApplicable: string }> {
  const { connection, seen } = context;
  const { mailbox } = account;
  const claims = seen.get('graph');
  if (as !== 'alias') return { notApplicable: 'a right that only a message shows: --send-test ADDRESS' };
  const shows = `Get-Mailbox ${shownIn(mailbox)} | Format-List EmailAddresses`;
  if (claims === undefined || isPersonalTenant(connection.tenantId)) {
    return {
      notApplicable: `not verified: without Graph, only ${shows} or a test message shows it: --send-test ADDRESS`,
    };
  }
  const addresses = await proxyAddresses(context, mailbox);
  if (addresses === undefined) {
    return {
      notApplicable: `not verified: Graph needs User.Read.All to read addresses; ${shows} or a test message shows it: --send-test ADDRESS`,
    };
  }
  if (addresses.some((each) => sameAddress(each, address))) {
    return { detail: `an address of ${mailbox}; whether aliases may send, a message shows: --send-test ADDRESS` };
  }
  throw new BridgeError('sender-no-alias', `${address} is not one of the addresses of ${mailbox}.`, {
    remedy: `Add it: Set-Mailbox ${shownIn(mailbox)} -EmailAddresses @{Add=${shownIn(address)}}. Or say "send-as" or "on-behalf" for it, if it is another mailbox.`,
    details: { spreading: true },
  });
}

/** All addresses of a mailbox; undefined if the token may not read them. Learn, "user resource type". */
async function proxyAddresses(
  { connection, operations }: MailboxContext,
  mailbox: string,
): Promise<string[] | undefined> {
  const path = `${graphUser(connection, mailbox)}?$select=proxyAddresses`;
  try {
    const { proxyAddresses = [] } = JSON.parse(await operations.graph({ method: 'GET', path })) as {
      proxyAddresses?: string[];
    };
    return proxyAddresses.map((each) => each.replace(/^smtp:/i, ''));
  } catch (error) {
    if (error instanceof GraphError && (error.status === 401 || error.status === 403)) return undefined;
    throw error;
  }
}

/** In a form that can be pasted into PowerShell, if possible. */
function shownIn(address: string): string {
  try {
    return quoted(address);
  } catch {
    return address;
  }
}
