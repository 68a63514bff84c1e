import { BridgeError } from '../../base/errors.ts';
import { type ClientCertificate, readClientCertificate } from './client-certificate.ts';

/** How the app authenticates. */
export type ClientCredential =
  | {
      readonly kind: 'secret';
      /** Called for each request, so that a replaced secret takes effect. */
      readonly secret: () => string;
    }
  | {
      readonly kind: 'certificate';
      /** PEM; further certificates may follow the app's own. */
      readonly certPem: string;
      /** PEM, RSA, not encrypted. */
      readonly keyPem: string;
      /** Sends the certificates along (`x5c`), for apps that trust by subject name and issuer. Default false. */
      readonly sendChain?: boolean | undefined;
    }
  | {
      readonly kind: 'assertion';
      /** Called for each request: the issuer replaces the assertion every hour or so. */
      readonly assertion: () => Promise<string>;
    };

/** A credential for one request. */
export interface ClientProof {
  /** For `auth` of the Microsoft library's configuration: one of these. */
  readonly auth: {
    readonly clientSecret?: string;
    readonly clientCertificate?: ClientCertificate;
    readonly clientAssertion?: string;
  };
  /** Secrets to remove if the library repeats them. */
  readonly secrets: readonly string[];
}

/**
 * Checks a credential as far as possible now; the returned function reads it for one request.
 *
 * A certificate is not read again: certificate and key are two files, and only the person who replaces them knows when
 * both are in place. A reload of the configuration uses the new pair, or keeps the old one.
 * @param connection its name, for messages
 * @throws BridgeError `client-certificate-invalid`; the function: `secret-unavailable`, or what `assertion` throws
 */
export function clientProof(connection: string, credential: ClientCredential): () => Promise<ClientProof> {
  switch (credential.kind) {
    case 'secret':
      return async () => {
        const clientSecret = credential.secret();
        if (clientSecret === '') {
          throw new BridgeError('secret-unavailable', `The client secret of "${connection}" is empty.`);
        }
        return { auth: { clientSecret }, secrets: [clientSecret] };
      };
    case 'certificate': {
      const { certPem, keyPem } = credential;
      const clientCertificate = readClientCertificate(connection, certPem, keyPem, credential);
      return async () => ({ auth: { clientCertificate }, secrets: [] });
    }
    case 'assertion':
      return async () => {
        const clientAssertion = await credential.assertion();
        return { auth: { clientAssertion }, secrets: [clientAssertion] };
      };
  }
}
