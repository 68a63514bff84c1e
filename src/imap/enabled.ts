/** An extension that changes the server's responses, so the client must enable it (RFC 5161). */
export type Extension = 'CONDSTORE' | 'QRESYNC' | 'UTF8=ACCEPT' | 'IMAP4REV2';

const known: readonly string[] = ['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT', 'IMAP4REV2'] satisfies Extension[];

/** The extensions a client has enabled. */
export class EnabledExtensions {
  readonly #names = new Set<Extension>();

  /** FETCH responses include MODSEQ (RFC 7162 section 3.1). */
  get condstore(): boolean {
    return this.#names.has('CONDSTORE') || this.qresync;
  }

  /** VANISHED replaces EXPUNGE (RFC 7162 section 3.2.10). */
  get qresync(): boolean {
    return this.#names.has('QRESYNC');
  }

  /** The connection uses IMAP4rev2 (RFC 9051 appendix E). */
  get rev2(): boolean {
    return this.#names.has('IMAP4REV2');
  }

  /** Folder names are UTF-8. */
  get utf8(): boolean {
    return this.#names.has('UTF8=ACCEPT') || this.rev2;
  }

  /** @returns whether it was off before */
  add(name: Extension): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    return true;
  }
}

/** @param name upper case */
export function isExtension(name: string): name is Extension {
  return known.includes(name);
}
