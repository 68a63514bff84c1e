import type { EnvelopeRecipient } from '../../message/envelope.ts';

const nonAscii = /\P{ASCII}/u;

/** Tells whether an address can be sent to an SMTP server only with SMTPUTF8 (RFC 6531). */
export function needsSmtpUtf8(address: string): boolean {
  return nonAscii.test(address);
}

/** xtext of RFC 3461 section 4. */
function xtext(text: string): string {
  return text.replace(/[^!-~]|[+=]/g, (char) => `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The DSN parameters of RCPT TO (RFC 3461 section 4.1 and 4.2); empty if there are none. */
export function dsnParameters(recipient: EnvelopeRecipient): string {
  const { notify, orcpt } = recipient.dsn ?? {};
  const parameters: string[] = [];
  if (notify !== undefined && notify.length > 0) parameters.push(`NOTIFY=${notify.join(',')}`);
  // xtext cannot encode bytes above 127; such a recipient is sent without ORCPT.
  if (orcpt !== undefined && !nonAscii.test(orcpt)) {
    const [, type, address] = /^([A-Za-z0-9-]+);(.*)$/s.exec(orcpt) ?? [];
    if (type !== undefined && address !== undefined) parameters.push(`ORCPT=${type};${xtext(address)}`);
  }
  return parameters.join(' ');
}

/** RET and ENVID of MAIL FROM (RFC 3461 sections 4.3 and 4.4); empty if there are none. */
export function dsnMailParameters(
  dsn: { readonly ret?: 'FULL' | 'HDRS'; readonly envid?: string } | undefined,
): string {
  const parameters: string[] = [];
  if (dsn?.ret !== undefined) parameters.push(`RET=${dsn.ret}`);
  if (dsn?.envid !== undefined && !nonAscii.test(dsn.envid)) parameters.push(`ENVID=${xtext(dsn.envid)}`);
  return parameters.join(' ');
}
