/** What a parameter takes. */
export interface Parameter {
  /**
   * `changes`: a list, or a table that adds to one and removes from it. `boolean?` also takes `$null`; a `switch` takes
   * no value; `any` also takes nothing, which `text` does not.
   */
  readonly type: 'any' | 'text' | 'texts' | 'changes' | 'boolean' | 'boolean?' | 'switch';
  readonly mandatory?: true;
}

/** An error of a cmdlet; the script continues after it unless it says otherwise. */
export class CmdletError extends Error {
  override readonly name = 'CmdletError';
}
