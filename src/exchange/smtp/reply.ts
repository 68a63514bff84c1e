import { safeLine } from '../../base/visible.ts';

/** A reply of an SMTP server (RFC 5321 section 4.2), with its enhanced status code (RFC 3463) if it has one. */
export interface UpstreamReply {
  /** 200 to 599. */
  readonly code: number;
  /** `5.7.60` and the like. */
  readonly enhanced?: string;
  /** The text after the codes, on one line, at most 500 characters. */
  readonly text: string;
}

const maxTextLength = 500;

/** Parses a whole reply, possibly of several lines; undefined if it does not begin with a reply code. */
export function parseSmtpReply(response: string): UpstreamReply | undefined {
  const lines = response.split(/\r?\n/).filter((line) => line !== '');
  const code = Number(/^([2-5]\d\d)(?=[ -]|$)/.exec(lines[0] ?? '')?.[1]);
  if (Number.isNaN(code)) return undefined;
  let enhanced: string | undefined;
  const texts = lines.map((line) => {
    const match = /^(?:\d{3}(?:[ -]|$))?(?:([245]\.\d{1,3}\.\d{1,3})(?: |$))?(.*)$/s.exec(line);
    enhanced ??= match?.[1];
    return match?.[2] ?? '';
  });
  const text = safeLine(texts.join(' ')).slice(0, maxTextLength);
  return { code, ...(enhanced !== undefined && { enhanced }), text };
}

/** Formats the reply on one line, as the server sent it. */
export function formatSmtpReply(reply: UpstreamReply): string {
  return [reply.code, reply.enhanced, reply.text].filter((part) => part !== undefined && part !== '').join(' ');
}
