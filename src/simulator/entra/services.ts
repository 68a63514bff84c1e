import type { Faults } from '../faults.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { TokenSigner } from './access-token.ts';
import type { AuthorizationCodes } from './people/authorization-codes.ts';
import type { DeviceCodes } from './people/device-codes.ts';
import type { RefreshTokens } from './people/refresh-tokens.ts';

export interface EntraSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly faults: Faults;
  onDefect(error: unknown): void;
}

/** The services that the endpoints use. */
export interface EntraServices {
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly faults: Faults;
  readonly deviceCodes: DeviceCodes;
  readonly authorizationCodes: AuthorizationCodes;
  readonly refreshTokens: RefreshTokens;
  /** `https://host:port`, set once it listens. */
  authority: string;
}
