/** Exit codes of sysexits.h, which callers of sendmail know. */
export const exitCodes = {
  ok: 0,
  usage: 64,
  dataError: 65,
  noUser: 67,
  unavailable: 69,
  software: 70,
  temporary: 75,
  noPermission: 77,
  config: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Why `mailbridge sendmail` failed: a line for the caller, and the exit code. */
export class SendmailError extends Error {
  override readonly name = 'SendmailError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
