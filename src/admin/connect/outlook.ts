import { type MailServerSetting, type MailServers, xml } from './mail-servers.ts';

const encryptions = { none: 'None', starttls: 'TLS', tls: 'SSL' } as const;
const responseSchema = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a';

/** The address that a program asks for; undefined if there is none. The rest of the request does not matter. */
export function askedAddress(request: string): string | undefined {
  return /<EMailAddress>\s*([^<>\s&]{3,254})\s*<\/EMailAddress>/i.exec(request)?.[1];
}

/**
 * The settings of an IMAP or POP3 account for Outlook ([MS-OXDSCLI], "Plain old XML" Autodiscover, responses for
 * non-Exchange accounts).
 */
export function autodiscoverAnswer(address: string, { imap, pop3, smtp }: MailServers): string {
  const protocols = [
    ...(imap ? [protocol('IMAP', imap, address)] : []),
    ...(pop3 ? [protocol('POP3', pop3, address)] : []),
    ...(smtp ? [protocol('SMTP', smtp, address)] : []),
  ];
  return answer(`<Response xmlns="${responseSchema}">
    <User><DisplayName>${xml(address)}</DisplayName></User>
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
${protocols.join('\n')}
    </Account>
  </Response>`);
}

/** @param code 500: the provider is not found; 600: the request cannot be read */
export function autodiscoverRefusal(code: 500 | 600, message: string): string {
  return answer(`<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
    <Error Time="00:00:00" Id="0"><ErrorCode>${code}</ErrorCode><Message>${xml(message)}</Message><DebugData/></Error>
  </Response>`);
}

function answer(response: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
  ${response}
</Autodiscover>
`;
}

function protocol(type: string, { host, port, security }: MailServerSetting, address: string): string {
  return `      <Protocol>
        <Type>${type}</Type>
        <Server>${xml(host)}</Server>
        <Port>${port}</Port>
        <DomainRequired>off</DomainRequired>
        <LoginName>${xml(address)}</LoginName>
        <SPA>off</SPA>
        <SSL>${security === 'none' ? 'off' : 'on'}</SSL>
        <Encryption>${encryptions[security]}</Encryption>
        <AuthRequired>on</AuthRequired>
      </Protocol>`;
}
