import { createHash } from 'node:crypto';
import { type MailServerSetting, type MailServers, xml } from './mail-servers.ts';

/**
 * A profile that sets up Apple Mail (Apple's "Configuration Profile Reference", payloads `com.apple.mail.managed` and
 * `com.apple.security.root`). It contains no password; the device asks for one.
 * @param authority PEM of the authority to trust; undefined: the certificate is from a public authority
 */
export function appleProfile(address: string, servers: MailServers, authority: string | undefined): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const { smtp } = servers;
  const incoming = servers.imap ?? servers.pop3;
  const mail: Record<string, PlistValue> = {
    PayloadType: 'com.apple.mail.managed',
    PayloadVersion: 1,
    PayloadIdentifier: `mailbridge.mail.${address}`,
    PayloadUUID: uuidOf(`mail ${address}`),
    PayloadDisplayName: `Mail of ${address}`,
    EmailAccountType: servers.imap ? 'EmailTypeIMAP' : 'EmailTypePOP',
    EmailAccountDescription: address,
    EmailAddress: address,
    ...serverOf('Incoming', incoming, address),
    ...serverOf('Outgoing', smtp, address),
    OutgoingPasswordSameAsIncomingPassword: true,
  };
  const trust = authority === undefined ? [] : [rootPayload(authority)];
  return plist({
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadIdentifier: `mailbridge.${address}`,
    PayloadUUID: uuidOf(`profile ${address}`),
    PayloadDisplayName: `Mail of ${address}`,
    PayloadDescription: `Sets up mail of ${address} at ${domain}.`,
    PayloadContent: [...trust, mail],
  });
}

function serverOf(
  way: 'Incoming' | 'Outgoing',
  server: MailServerSetting | undefined,
  address: string,
): Record<string, PlistValue> {
  if (!server) return {};
  return {
    [`${way}MailServerHostName`]: server.host,
    [`${way}MailServerPortNumber`]: server.port,
    [`${way}MailServerUseSSL`]: server.security !== 'none',
    [`${way}MailServerAuthentication`]: 'EmailAuthPassword',
    [`${way}MailServerUsername`]: address,
  };
}

function rootPayload(pem: string): Record<string, PlistValue> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return {
    PayloadType: 'com.apple.security.root',
    PayloadVersion: 1,
    PayloadIdentifier: 'mailbridge.authority',
    PayloadUUID: uuidOf(`authority ${der.toString('base64')}`),
    PayloadDisplayName: 'Certificate authority of mailbridge',
    PayloadContent: der,
  };
}

/** Deterministic: a profile that is installed again replaces the one before. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

type PlistValue = string | number | boolean | Buffer | readonly PlistValue[] | { readonly [key: string]: PlistValue };

function plist(value: PlistValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${element(value)}
</plist>
`;
}

function element(value: PlistValue): string {
  if (typeof value === 'string') return `<string>${xml(value)}</string>`;
  if (typeof value === 'number') return `<integer>${value}</integer>`;
  if (typeof value === 'boolean') return value ? '<true/>' : '<false/>';
  if (Buffer.isBuffer(value)) return `<data>${value.toString('base64')}</data>`;
  if (Array.isArray(value)) return `<array>${value.map(element).join('')}</array>`;
  const entries = Object.entries(value as { readonly [key: string]: PlistValue });
  return `<dict>${entries.map(([key, inner]) => `<key>${xml(key)}</key>${element(inner)}`).join('')}</dict>`;
}
