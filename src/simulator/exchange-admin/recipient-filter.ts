import { CmdletError } from './powershell/parameter.ts';

/** Conditions, one of which must hold. */
export type RecipientFilter = readonly { readonly property: FilterProperty; readonly value: string }[];

type FilterProperty = 'primarysmtpaddress' | 'userprincipalname' | 'emailaddresses' | 'memberofgroup';

/** A mailbox as filters see it. */
export interface DirectoryRecipient {
  /** In lower case. */
  readonly address: string;
  /** Distinguished names of the groups it is in. */
  readonly memberOf: readonly string[];
}

const condition = /\s*\(*\s*(\w+)\s+-eq\s+(?:'((?:[^']|'')*)'|"([^"]*)")\s*\)*\s*(-or\s|$)/iy;
const properties: readonly string[] = ['primarysmtpaddress', 'userprincipalname', 'emailaddresses', 'memberofgroup'];

/**
 * Reads a filter such as `PrimarySmtpAddress -eq 'a@x' -or PrimarySmtpAddress -eq 'b@x'` (OPATH). Learn, "Recipient
 * filters in Exchange Online PowerShell cmdlets".
 * @throws CmdletError
 */
export function parseRecipientFilter(text: string): RecipientFilter {
  condition.lastIndex = 0;
  const found: { property: FilterProperty; value: string }[] = [];
  do {
    const match = condition.exec(text);
    const property = match?.[1]?.toLowerCase();
    if (!match || property === undefined || !properties.includes(property)) {
      throw new CmdletError(
        `Invalid filter syntax. The recipient filter "${text}" is not valid (or not understood here).`,
      );
    }
    found.push({ property: property as FilterProperty, value: match[2]?.replaceAll("''", "'") ?? match[3] ?? '' });
    if (match[4] === '') return found;
  } while (condition.lastIndex < text.length);
  throw new CmdletError(`Invalid filter syntax. The recipient filter "${text}" ends in the middle.`);
}

/** The addresses of the recipients that the filter matches. */
export function recipientsOf(filter: RecipientFilter, recipients: readonly DirectoryRecipient[]): readonly string[] {
  return recipients
    .filter((recipient) => filter.some(({ property, value }) => matches(recipient, property, value.toLowerCase())))
    .map(({ address }) => address);
}

function matches({ address, memberOf }: DirectoryRecipient, property: FilterProperty, value: string): boolean {
  if (property === 'memberofgroup') return memberOf.some((group) => group.toLowerCase() === value);
  return address === value || (property === 'emailaddresses' && `smtp:${address}` === value);
}
