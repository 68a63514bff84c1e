import { type MailServerSetting, type MailServers, xml } from './mail-servers.ts';

const socketTypes = { none: 'plain', starttls: 'STARTTLS', tls: 'SSL' } as const;

/**
 * The settings for Thunderbird and programs that do the same: the configuration file format of Thunderbird's
 * autoconfiguration, version 1.1. The program replaces `%EMAILADDRESS%` with the address.
 */
export function thunderbirdConfig(domain: string, { imap, pop3, smtp }: MailServers): string {
  const servers = [
    ...(imap ? [server('incomingServer', 'imap', imap)] : []),
    ...(pop3 ? [server('incomingServer', 'pop3', pop3)] : []),
    ...(smtp ? [server('outgoingServer', 'smtp', smtp)] : []),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${xml(domain)}">
    <domain>${xml(domain)}</domain>
    <displayName>${xml(domain)}</displayName>
    <displayShortName>${xml(domain)}</displayShortName>
${servers.join('\n')}
  </emailProvider>
</clientConfig>
`;
}

function server(element: string, type: string, { host, port, security }: MailServerSetting): string {
  return `    <${element} type="${type}">
      <hostname>${xml(host)}</hostname>
      <port>${port}</port>
      <socketType>${socketTypes[security]}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </${element}>`;
}
