import { BridgeError } from '../../base/errors.ts';

/** The error of a sign-in that the person did not want after all. @param refusal what Entra ID's answer became */
export function declined(connection: string, refusal: BridgeError): BridgeError {
  const message = `The sign-in for connection "${connection}" was cancelled or declined on Microsoft's page.`;
  return new BridgeError('sign-in-declined', message, { details: refusal.details });
}
