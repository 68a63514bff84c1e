/** An API that tokens are issued for. */
export interface ApiResource {
  readonly key: 'graph' | 'exchange';
  readonly appId: string;
  readonly displayName: string;
  /** Identifier URIs; the one in a client's scope becomes the token's `aud`. */
  readonly identifierUris: readonly string[];
}

/** The two resources that matter for mail. Ids as Microsoft publishes them. */
export const resources: readonly ApiResource[] = [
  {
    key: 'graph',
    appId: '00000003-0000-0000-c000-000000000000',
    displayName: 'Microsoft Graph',
    identifierUris: ['https://graph.microsoft.com'],
  },
  {
    key: 'exchange',
    appId: '00000002-0000-0ff1-ce00-000000000000',
    displayName: 'Office 365 Exchange Online',
    identifierUris: ['https://outlook.office365.com', 'https://outlook.office.com', 'https://ps.outlook.com'],
  },
];

/** The resource with an identifier (URI, with or without a trailing slash, or app id). */
export function findResource(identifier: string): ApiResource | undefined {
  const name = identifier.replace(/\/+$/, '').toLowerCase();
  return resources.find((resource) => resource.appId === name || resource.identifierUris.includes(name));
}

/** Whether a token with this `aud` is meant for the resource. */
export function isAudienceOf(key: ApiResource['key'], audience: string): boolean {
  return findResource(audience)?.key === key;
}
