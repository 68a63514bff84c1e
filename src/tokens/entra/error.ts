import type { ErrorKind } from '../../base/error-kind.ts';

/** What one AADSTS number stands for. */
export interface EntraError {
  readonly kind: Exclude<ErrorKind, 'usage'>;
  /** What is wrong, one sentence. */
  readonly cause: string;
  /** What to do about it, one or two sentences. NAME in a command is that of the connection. */
  readonly remedy: string;
  /** Other meanings of the number, told apart by Microsoft's words. The first that fits counts. */
  readonly variants?: readonly EntraErrorVariant[];
  /**
   * The remedy with what the case at hand tells.
   * @param said Microsoft's words
   * @returns undefined where they do not tell enough
   */
  remedyFor?(said: string, nowMs: number): string | undefined;
}

/** What a number means where Microsoft's words hold `said`. */
export interface EntraErrorVariant extends EntraError {
  /** In lower case. */
  readonly said: string;
}

export const appPage = 'Entra admin center > App registrations > the app';
export const enterprisePage = 'Entra admin center > Enterprise applications > the app';

/** An error that lasts until somebody changes a setting. */
export function needsAdmin(cause: string, remedy: string, more: Partial<EntraError> = {}): EntraError {
  return { kind: 'needs-admin', cause, remedy, ...more };
}

/** An error that passes by itself. */
export function temporary(cause: string, remedy: string): EntraError {
  return { kind: 'temporary', cause, remedy };
}

/** An error of one sign-in, which has to be started anew. */
export function permanent(cause: string, remedy: string): EntraError {
  return { kind: 'permanent', cause, remedy };
}

/** A meaning that a number has where Microsoft's words hold `said`. */
export function variant(said: string, error: EntraError): EntraErrorVariant {
  return { ...error, said };
}
