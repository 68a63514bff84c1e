/** How programs reach one listener. */
export interface MailServerSetting {
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** Settings for programs; protocols without a listener are left out. */
export interface MailServers {
  readonly smtp?: MailServerSetting;
  readonly imap?: MailServerSetting;
  readonly pop3?: MailServerSetting;
}

/** A text for XML, in an element or attribute. */
export function xml(text: string | number): string {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
