/** A script that is not supported here, or is not PowerShell. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
