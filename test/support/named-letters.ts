import { alice } from './relay.ts';

/** A message to alice with its name in its subject and body. */
export function namedLetter(name: string): string {
  const header = `From: Bob <bob@contoso.com>\r\nTo: ${alice}\r\nSubject: ${name}\r\nMessage-ID: <${name}@contoso.com>\r\n`;
  return `${header}Date: Sat, 21 Nov 2026 08:00:00 +0000\r\n\r\nThis is ${name}.\r\n`;
}
