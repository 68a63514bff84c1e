import { TokenSigner } from '../../../src/simulator/entra/access-token.ts';
import { AuthorizationCodes } from '../../../src/simulator/entra/people/authorization-codes.ts';
import { DeviceCodes } from '../../../src/simulator/entra/people/device-codes.ts';
import { RefreshTokens } from '../../../src/simulator/entra/people/refresh-tokens.ts';
import { ImportSessions } from '../../../src/simulator/graph/exchange-items/import-sessions.ts';
import { UploadSessions } from '../../../src/simulator/graph/mail/drafts/upload-sessions.ts';
import { type AppRegistration, type ClientSecret, Tenant } from '../../../src/simulator/tenant/tenant.ts';
import { noteSecret } from './record.ts';

/** Records every secret that the simulated Microsoft 365 issues, when it is created. */
export function watchSimulator(): void {
  const { sign } = TokenSigner.prototype;
  TokenSigner.prototype.sign = async function (payload) {
    const token = await sign.call(this, payload);
    noteSecret('token', token);
    return token;
  };
  const { issueOpaque } = TokenSigner.prototype;
  TokenSigner.prototype.issueOpaque = async function (...about) {
    const token = await issueOpaque.apply(this, about);
    noteSecret('token', token);
    return token;
  };
  const { issue: issueRefreshToken } = RefreshTokens.prototype;
  RefreshTokens.prototype.issue = function (grant) {
    const token = issueRefreshToken.call(this, grant);
    noteSecret('refresh token', token);
    return token;
  };
  const { issue: issueDeviceCode } = DeviceCodes.prototype;
  DeviceCodes.prototype.issue = function (...about) {
    const code = issueDeviceCode.apply(this, about);
    noteSecret('device code', code.deviceCode);
    return code;
  };
  const { open } = UploadSessions.prototype;
  UploadSessions.prototype.open = function (about) {
    const session = open.call(this, about);
    noteSecret('upload token', session.authToken);
    return session;
  };
  const { open: openImport } = ImportSessions.prototype;
  ImportSessions.prototype.open = function (...about) {
    const session = openImport.apply(this, about);
    noteSecret('import token', session.authToken);
    return session;
  };
  watchAuthorizationCodes();
  watchTenant();
}

function watchAuthorizationCodes(): void {
  const { issue, redeem } = AuthorizationCodes.prototype;
  AuthorizationCodes.prototype.issue = function (about) {
    const code = issue.call(this, about);
    noteSecret('authorization code', code);
    return code;
  };
  AuthorizationCodes.prototype.redeem = function (name, app, redirectUri, verifier) {
    if (verifier !== null) noteSecret('code verifier', verifier);
    return redeem.call(this, name, app, redirectUri, verifier);
  };
}

function watchTenant(): void {
  const { addUser, register } = Tenant.prototype;
  Tenant.prototype.addUser = function (...about) {
    const user = addUser.apply(this, about);
    noteSecret('user password', user.password);
    return user;
  };
  Tenant.prototype.register = function (...args) {
    noteSecret('identity header', this.identityHeader);
    const app = register.apply(this, args);
    watchClientSecrets(app);
    return app;
  };
}

/** The registration's initial secrets, and those added later. */
function watchClientSecrets({ secrets }: AppRegistration): void {
  const push = (...added: ClientSecret[]) => {
    for (const { value } of added) noteSecret('client secret', value);
    return Array.prototype.push.apply(secrets, added);
  };
  // Not enumerable: the array stays equal to others with the same content.
  Object.defineProperty(secrets, 'push', { value: push });
}
