import { ImapSyntaxError } from '../reply.ts';
import { parseStatusItems, type StatusItem } from '../status/items.ts';
import type { Scanner } from '../wire/scanner.ts';

/** The arguments of LIST (RFC 5258, RFC 5819, RFC 6154). */
export interface ListRequest {
  readonly reference: string;
  readonly patterns: readonly string[];
  /** Uses the syntax of RFC 5258, and is answered accordingly. */
  readonly extended: boolean;
  readonly select: { readonly subscribed: boolean; readonly specialUse: boolean; readonly recursive: boolean };
  readonly tell: {
    readonly subscribed: boolean;
    readonly specialUse: boolean;
    /** Empty: no STATUS responses. */
    readonly status: readonly StatusItem[];
  };
}

/** Maximum patterns in one command; more are refused. */
const maxPatterns = 100;

export function parseListRequest(scanner: Scanner, extensible: boolean): ListRequest {
  scanner.space();
  const selection = extensible && scanner.ahead('(') ? parseSelection(scanner) : undefined;
  const reference = scanner.mailbox();
  scanner.space();
  const many = extensible && scanner.ahead('(');
  const patterns = many ? scanner.list(() => scanner.listMailbox(), { allowEmpty: false }) : [scanner.listMailbox()];
  if (patterns.length > maxPatterns) throw new ImapSyntaxError('LIST is given too many patterns.');
  const returned = extensible && scanner.trySpace() ? parseReturned(scanner) : undefined;
  return {
    reference,
    patterns,
    extended: selection !== undefined || many || returned !== undefined,
    select: selection ?? { subscribed: false, specialUse: false, recursive: false },
    tell: returned ?? { subscribed: false, specialUse: false, status: [] },
  };
}

function parseSelection(scanner: Scanner): ListRequest['select'] {
  const words = scanner.list(() => scanner.word());
  scanner.space();
  const unknown = words.find((word) => !['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'].includes(word));
  if (unknown !== undefined) throw new ImapSyntaxError('Unknown selection option of LIST.');
  const recursive = words.includes('RECURSIVEMATCH');
  const subscribed = words.includes('SUBSCRIBED');
  const specialUse = words.includes('SPECIAL-USE');
  // RFC 5258 section 3.1: alone, it selects nothing whose children could match.
  if (recursive && !subscribed && !specialUse) throw new ImapSyntaxError('RECURSIVEMATCH needs SUBSCRIBED.');
  return { subscribed, specialUse, recursive };
}

function parseReturned(scanner: Scanner): ListRequest['tell'] {
  if (scanner.word() !== 'RETURN') throw new ImapSyntaxError('RETURN is missing.');
  scanner.space();
  let status: readonly StatusItem[] = [];
  const words = scanner.list(() => {
    const word = scanner.word();
    if (word === 'STATUS') status = parseStatusItems(scanner);
    return word;
  });
  const unknown = words.find((word) => !['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE', 'STATUS'].includes(word));
  if (unknown !== undefined) throw new ImapSyntaxError('Unknown return option of LIST.');
  return { subscribed: words.includes('SUBSCRIBED'), specialUse: words.includes('SPECIAL-USE'), status };
}
