/** Longer than any folder name, so a longer pattern matches nothing. In UTF-16 code units. */
const maxPattern = 2_048;

/**
 * Returns a matcher for a pattern of LIST (RFC 9051 section 6.3.9): `*` matches anything, `%` anything within one
 * level; INBOX matches in any case. Matching takes at most as many steps as the length of the name times that of the
 * pattern.
 */
export function nameMatcher(pattern: string, delimiter: string): (name: string) => boolean {
  if (pattern.length > maxPattern) return () => false;
  // Consecutive wildcards mean no more than the strongest of them.
  const tokens = [
    ...inboxInCapitals(pattern, delimiter)
      .replace(/[*%]*\*[*%]*/g, '*')
      .replace(/%+/g, '%'),
  ];
  const upper = tokens.map((token) => token.toUpperCase());
  return (name) => (name === 'INBOX' ? matches(upper, name, delimiter) : matches(tokens, name, delimiter));
}

/** `inbox/sub` is below the inbox, too. */
function inboxInCapitals(pattern: string, delimiter: string): string {
  const isBelow = pattern.slice(0, 5).toUpperCase() === 'INBOX' && pattern.startsWith(delimiter, 5);
  return isBelow ? `INBOX${pattern.slice(5)}` : pattern;
}

/** Walks through the name, tracking every position in the pattern that could match. */
function matches(tokens: readonly string[], name: string, delimiter: string): boolean {
  let places = withSkipped(tokens, [0]);
  for (const character of name) {
    const next: number[] = [];
    for (const place of places) {
      const token = tokens[place];
      const stays = token === '*' || (token === '%' && character !== delimiter);
      if (stays && next.at(-1) !== place) next.push(place);
      if (token === character && token !== '*' && token !== '%') next.push(place + 1);
    }
    if (next.length === 0) return false;
    places = withSkipped(tokens, next);
  }
  return places.at(-1) === tokens.length;
}

/** Ascending positions, including those after wildcards that match nothing. */
function withSkipped(tokens: readonly string[], places: readonly number[]): number[] {
  const all: number[] = [];
  for (const place of places) {
    if ((all.at(-1) ?? -1) < place) all.push(place);
    const token = tokens[place];
    if ((token === '*' || token === '%') && (all.at(-1) ?? -1) <= place) all.push(place + 1);
  }
  return all;
}
