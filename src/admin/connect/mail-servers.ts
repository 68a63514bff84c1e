/** How programs reach one listener. */
export interface MailServerSetting {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** What programs are set to; left out what nothing listens for. */
export interface MailServers {
  readonly smtp?: MailServerSetting;
  readonly imap?: MailServerSetting;
  readonly pop3?: MailServerSetting;
}

/** A text in XML, in element or attribute. */
export function xml(text: string | number): string {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
