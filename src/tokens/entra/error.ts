import type { ErrorKind } from '../../base/error-kind.ts';

/** The meaning of an AADSTS number. */
export interface EntraError {
  readonly kind: Exclude<ErrorKind, 'usage'>;
  /** What is wrong, in one sentence. */
  readonly cause: string;
  /** What to do about it, in one or two sentences. NAME in a command is the connection's name. */
  readonly remedy: string;
  /** Other meanings of the number, distinguished by Microsoft's text. The first match wins. */
  readonly variants?: readonly EntraErrorVariant[];
  /**
   * The remedy with details of the case at hand.
   * @param said Microsoft's text
   * @returns undefined if the text does not say enough
   */
  remedyFor?(said: string, nowMs: number): string | undefined;
}

/** The meaning of a number if Microsoft's text contains `said`. */
export interface EntraErrorVariant extends EntraError {
  /** In lower case. */
  readonly said: string;
}

export const appPage = 'Entra admin center > App registrations > the app';
export const enterprisePage = 'Entra admin center > Enterprise applications > the app';

/** Creates an error that lasts until somebody changes a setting. */
export function needsAdmin(cause: string, remedy: string, more: Partial<EntraError> = {}): EntraError {
  return { kind: 'needs-admin', cause, remedy, ...more };
}

/** Creates an error that resolves itself. */
export function temporary(cause: string, remedy: string): EntraError {
  return { kind: 'temporary', cause, remedy };
}

/** Creates an error of one sign-in, which has to be started again. */
export function permanent(cause: string, remedy: string): EntraError {
  return { kind: 'permanent', cause, remedy };
}

/** Creates a meaning that applies if Microsoft's text contains `said`. */
export function variant(said: string, error: EntraError): EntraErrorVariant {
  return { ...error, said };
}
