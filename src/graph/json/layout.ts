import { isKnownCharset } from '../../message/mime/charset.ts';
import type { MimeDefect, MimePart } from '../../message/mime/part.ts';

/** Which part of a message becomes the body of the JSON form, and which become attachments. */
export interface JsonLayout {
  /** A text/plain or text/html part; absent if there is none, as in many scans. */
  readonly body: MimePart | undefined;
  /** In message order. */
  readonly attachments: readonly MimePart[];
  /** Why the JSON form would change the message; empty if it would not. */
  readonly obstacles: readonly string[];
}

/**
 * Lays a message out for Graph, which has one body and a list of attachments (Microsoft: "message resource type").
 *
 * In a multipart/alternative only the HTML counts: Exchange generates the plain text from it, as it does for MIME.
 * Further texts become attachments, as in MIME. A message within the message becomes a file: as an `itemAttachment`
 * Exchange would rewrite it, as a file it keeps its octets.
 */
export function layoutOf(root: MimePart): JsonLayout {
  const layout = new Layout();
  // RFC 8551 section 3.9: the name is as good an indication as the type.
  if (/\.p7[mz]$/i.test(root.fileName ?? '')) layout.obstacles.push(smime);
  layout.visit(root);
  return layout;
}

const defectTexts: Readonly<Record<MimeDefect, string>> = {
  'repeated-field': 'a part has the same Content field twice',
  'unknown-encoding': 'a part has an unknown Content-Transfer-Encoding',
  'bad-boundary': 'a multipart has no boundary of its own',
  'no-parts': 'a multipart holds no part',
  'ambiguous-base64': 'the base64 of a part continues after its end',
};

const smime = 'it is signed or encrypted (S/MIME)';
const tnef = 'it is in an Outlook format (winmail.dat)';

/** Types that Exchange treats as more than a file. */
const meaningfulTypes: Readonly<Record<string, string>> = {
  'application/pkcs7-mime': smime,
  'application/x-pkcs7-mime': smime,
  'application/x-microsoft-rpmsg-message': 'it is protected by rights management',
  'application/ms-tnef': tnef,
  'application/vnd.ms-tnef': tnef,
  'message/partial': 'it is one part of a longer message',
  'message/external-body': 'it refers to content elsewhere',
};

const meaningfulMultiparts: Readonly<Record<string, string>> = {
  'multipart/signed': 'it is signed',
  'multipart/encrypted': 'it is encrypted',
  'multipart/report': 'it is a report',
};

class Layout implements JsonLayout {
  body: MimePart | undefined;
  readonly attachments: MimePart[] = [];
  readonly obstacles: string[] = [];

  visit(part: MimePart): void {
    this.obstacles.push(...part.defects.map((defect) => defectTexts[defect]));
    if (!part.type.startsWith('multipart/')) this.#leaf(part);
    else if (part.type === 'multipart/mixed') for (const child of part.parts) this.visit(child);
    else if (part.type === 'multipart/alternative') this.#alternative(part);
    else if (part.type === 'multipart/related') this.#related(part);
    else this.obstacles.push(meaningfulMultiparts[part.type] ?? `it holds a ${part.type}`);
  }

  #leaf(part: MimePart): void {
    const meaning = meaningfulTypes[part.type];
    if (meaning !== undefined) this.obstacles.push(meaning);
    if (isInvitation(part)) this.obstacles.push('it is an invitation');
    if (this.body === undefined && isBodyText(part)) this.#takeAsBody(part);
    else this.attachments.push(part);
  }

  #takeAsBody(part: MimePart): void {
    this.body = part;
    const charset = part.parameters.get('charset');
    if (!isKnownCharset(charset)) this.obstacles.push(`its text is in an unknown charset (${charset})`);
  }

  #alternative(part: MimePart): void {
    const best = part.parts.findLast(holdsHtml) ?? part.parts.at(-1);
    if (best === undefined) return;
    const others = part.parts.filter((child) => child !== best);
    const odd = others.find((child) => !isBodyText(child) || child.type !== 'text/plain');
    if (odd !== undefined) this.obstacles.push(`it has a ${odd.type} as an alternative`);
    if (best.type === 'text/plain' && others.length > 0) this.obstacles.push('it has several texts as alternatives');
    for (const child of others) this.obstacles.push(...child.defects.map((defect) => defectTexts[defect]));
    if (this.body !== undefined) this.obstacles.push('it has alternatives outside of its body');
    this.visit(best);
    if (this.body === undefined) this.obstacles.push(`it has a ${best.type} as an alternative`);
  }

  #related(part: MimePart): void {
    const start = part.parameters.get('start')?.replace(/^<(.*)>$/s, '$1');
    const root = part.parts.find(({ contentId }) => start !== undefined && contentId === start) ?? part.parts[0];
    if (root === undefined) return;
    const bodyBefore = this.body;
    this.visit(root);
    if (this.body === bodyBefore) this.obstacles.push('it has related parts outside of its body');
    for (const child of part.parts) {
      if (child === root) continue;
      if (child.contentId === undefined && child.header.field('Content-Location') !== undefined) {
        this.obstacles.push('its parts are named by Content-Location');
      }
      this.visit(child);
    }
  }
}

/** A calendar is an invitation rather than a file if it has a method (RFC 6047 section 2.4), or is no file. */
function isInvitation({ type, parameters, disposition, fileName }: MimePart): boolean {
  if (type !== 'text/calendar') return false;
  return parameters.has('method') || (disposition !== 'attachment' && fileName === undefined);
}

/** A text with a file name is meant as a file. */
function isBodyText({ type, disposition, fileName }: MimePart): boolean {
  return (type === 'text/plain' || type === 'text/html') && disposition !== 'attachment' && fileName === undefined;
}

function holdsHtml(part: MimePart): boolean {
  if (part.type === 'text/html') return isBodyText(part);
  return part.type.startsWith('multipart/') && part.parts.some(holdsHtml);
}
