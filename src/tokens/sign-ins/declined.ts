import { BridgeError } from '../../base/errors.ts';

/** Creates the error of a sign-in that the person declined. @param refusal the error made from Entra ID's answer */
export function declined(connection: string, refusal: BridgeError): BridgeError {
  const message = `The sign-in for connection "${connection}" was cancelled or declined on Microsoft's page.`;
  return new BridgeError('sign-in-declined', message, { details: refusal.details });
}
