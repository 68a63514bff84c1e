import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { BridgeError, errorText } from '../../base/errors.ts';

/** A certificate in the form the Microsoft library requires. */
export interface ClientCertificate {
  /** SHA-256 of the DER certificate, in hex: becomes `x5t#S256`. */
  readonly thumbprintSha256: string;
  /** PKCS #8, PEM. */
  readonly privateKey: string;
  /** PEM of the certificate and its issuers, if the app registration trusts by subject name and issuer. */
  readonly x5c?: string;
}

/**
 * Reads a client certificate and its key: RSA, PKCS #1 or PKCS #8, not encrypted. Entra ID accepts no other.
 * @param options `sendChain`: send the certificates with each request, for subject name and issuer authentication
 * @throws BridgeError `client-certificate-invalid`
 */
export function readClientCertificate(
  connection: string,
  certPem: string,
  keyPem: string,
  options: { sendChain?: boolean | undefined } = {},
): ClientCertificate {
  const fail = (what: string, cause?: unknown) =>
    new BridgeError('client-certificate-invalid', `The client certificate of connection "${connection}": ${what}.`, {
      cause,
    });
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certPem);
  } catch (error) {
    throw fail(`the certificate is not PEM (${errorText(error)})`, error);
  }
  const key = readKey(keyPem, fail);
  if (key.asymmetricKeyType !== 'rsa') {
    throw fail(`its key is of type ${key.asymmetricKeyType}, and Microsoft Entra ID accepts only RSA keys`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < 2048) throw fail(`its RSA key has ${bits} bits, fewer than 2048`);
  if (!certificate.checkPrivateKey(key)) throw fail('the private key does not belong to the certificate');
  return {
    thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''),
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ...(options.sendChain ? { x5c: certPem } : {}),
  };
}

function readKey(keyPem: string, fail: (what: string, cause?: unknown) => BridgeError): KeyObject {
  if (/ENCRYPTED/.test(keyPem)) throw fail('its private key is encrypted; give it without a passphrase');
  try {
    return createPrivateKey(keyPem);
  } catch (error) {
    throw fail(`the private key is not PEM (${errorText(error)})`, error);
  }
}
