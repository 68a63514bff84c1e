import { courierKinds } from '../../message/courier-kind.ts';

const send = courierKinds.join('|');

/** What `register-app --help` prints. */
export const registerAppUsage = `Usage: mailbridge register-app [--name CONNECTION] [--send ${send}]... [--read imap|pop3|graph]...
                               [--app-only | --delegated] [OPTIONS] [--config FILE] [--json]

Registers the app that a connection needs, with permissions, consent and a certificate, and writes the connection into
the configuration. An administrator signs in once. Run again, it finds what is there and adds what is missing.

What for (default: what the accounts of the connection do)
  --send ${send}, --read imap|pop3|graph
  --mailbox ADDRESS      a mailbox that is used, if the configuration has no accounts yet; can be repeated
  --app-only             the app acts as itself, nobody signs in (default)
  --delegated            a person signs in, with mailbridge login
  --shared               delegated: other people's mailboxes too
  --classic              app-only: SMTP with the permission SMTP.SendAsApp, not with a role in Exchange
  --tenant-wide          app-only: Graph permissions for every mailbox of the tenant, not roles in Exchange

The registration
  --name CONNECTION      name of the connection (default: the only one there is, otherwise microsoft365)
  --display-name TEXT    name of the app (default: mailbridge CONNECTION)
  --client-id ID         an existing app registration
  --certificate          a certificate, whose key stays on this machine (default)
  --secret               a client secret, in a separate file
  --secret-days N        1 to 730 days until the secret expires (default 180)
  --rotate               a new certificate or secret; the old one is removed once the new one works
  --remove-orphans       removes certificates that earlier tries for this connection left behind; at a terminal it asks

Signing in
  --tenant TENANT        default: the connection's, otherwise that of the person who signs in
  --cloud CLOUD          global, us-gov-high, us-gov-dod, china (default: the connection's, otherwise global)
  --browser              in the browser of this machine, if device codes are blocked
  --sign-in-client-id ID
                         the app to sign in to (default: Microsoft Graph Command Line Tools)

  --dry-run              prints every request and changes nothing
  --no-wait              does not wait until the new credential and its permissions reach every server

Example: mailbridge register-app --name contoso
`;
