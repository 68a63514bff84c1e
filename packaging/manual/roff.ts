/** A text as groff and mandoc print it: characters special to them are escaped. */
export function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\0-\x7f]/gu, (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^(?=[.'])/gm, '\\&');
}

/** A text from the documents: backquoted parts become bold, double asterisks are dropped. */
export function marked(text: string): string {
  return text
    .replaceAll('**', '')
    .split('`')
    .map((part, index) => (index % 2 === 0 ? plain(part) : `\\fB${plain(part)}\\fR`))
    .join('')
    .replace(/^(?=[.'])/gm, '\\&');
}

export function section(title: string): string {
  return `.SH ${plain(title)}`;
}

export function subsection(title: string): string {
  return `.SS ${plain(title)}`;
}

export function paragraph(text: string): string {
  return `.PP\n${marked(text)}`;
}

/** A word with its meaning indented below it. */
export function item(word: string, meaning: string): string {
  return `.TP\n\\fB${plain(word)}\\fR\n${marked(meaning)}`;
}

/** Lines kept as they are. */
export function literal(text: string): string {
  return `.PP\n.RS 4\n.nf\n${plain(text.replace(/\n+$/, ''))}\n.fi\n.RE`;
}

/** A page from its parts, each of which may begin with `.PP`: after a heading it is left out. */
export function page(parts: readonly string[]): string {
  return `${parts.join('\n').replace(/^(\.S[HS] .*\n)\.PP\n/gm, '$1')}\n`;
}

/** @param date of the page: `2026-11-30` */
export function head(name: string, section: number, version: string, date: string): string {
  // Justification would stretch columns with long names and paths.
  return `.TH ${name.toUpperCase().replaceAll('-', '\\-')} ${section} ${date} "mailbridge ${version}"\n.ad l`;
}
