/** What a parameter takes. */
export interface Parameter {
  /** `boolean?` takes `$null` too; a `switch` stands without a value; `any` takes what `text` does not: nothing. */
  readonly type: 'any' | 'text' | 'texts' | 'boolean' | 'boolean?' | 'switch';
  readonly mandatory?: true;
}

/** An error of a cmdlet; the script goes on behind it unless it says otherwise. */
export class CmdletError extends Error {
  override readonly name = 'CmdletError';
}
