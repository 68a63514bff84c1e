/** What a parameter takes. */
export interface Parameter {
  /** `changes`: a list, or a table that adds to one and removes from it. `boolean?` takes `$null` too; a `switch` stands without a value; `any` takes what `text` does not: nothing. */
  readonly type: 'any' | 'text' | 'texts' | 'changes' | 'boolean' | 'boolean?' | 'switch';
  readonly mandatory?: true;
}

/** An error of a cmdlet; the script goes on behind it unless it says otherwise. */
export class CmdletError extends Error {
  override readonly name = 'CmdletError';
}
