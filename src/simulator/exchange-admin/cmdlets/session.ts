import type { ExchangeOrganization } from '../organization.ts';
import { type Cmdlet, exchangeCmdlet, localCmdlet } from '../powershell/cmdlet.ts';
import { CmdletError } from '../powershell/parameter.ts';

const text = { type: 'text' } as const;
const any = { type: 'any' } as const;
const flag = { type: 'switch' } as const;
const properties = { Property: { type: 'texts' } } as const;

/** Session cmdlets: connecting, modules, output for people. */
export function sessionCmdlets({ tenant }: ExchangeOrganization): readonly Cmdlet[] {
  const nothing = () => [];
  const say: Cmdlet['run'] = (given, { host }) => {
    host.push(given.text('Object'));
    return [];
  };
  return [
    localCmdlet(
      'Connect-ExchangeOnline',
      {
        Organization: text,
        UserPrincipalName: text,
        ShowBanner: flag,
        Device: flag,
        AppId: text,
        CertificateThumbprint: text,
      },
      [],
      (given, session) => {
        const organization = given.optionalText('Organization');
        if (organization !== undefined && !tenant.isNamed(organization)) {
          throw new CmdletError(`Error while connecting: the organization '${organization}' was not found.`);
        }
        session.connected = true;
        return [];
      },
    ),
    localCmdlet('Disconnect-ExchangeOnline', { Confirm: flag }, [], (_, session) => {
      session.connected = false;
      return [];
    }),
    // Run once in an organization before it accepts custom roles and scopes.
    exchangeCmdlet('Enable-OrganizationCustomization', {}, nothing),
    localCmdlet('Get-Module', { Name: text, ListAvailable: flag }, ['Name'], (given) => [
      { Identity: given.text('Name'), Name: given.text('Name') },
    ]),
    localCmdlet(
      'Install-Module',
      { Name: text, Scope: text, Force: flag, AllowClobber: flag, MinimumVersion: text, Repository: text },
      ['Name'],
      nothing,
    ),
    localCmdlet('Import-Module', { Name: text, Force: flag, MinimumVersion: text }, ['Name'], nothing),
    localCmdlet('Set-StrictMode', { Version: text }, [], nothing),
    localCmdlet('Write-Host', { Object: any, ForegroundColor: text, NoNewline: flag }, ['Object'], say),
    localCmdlet('Write-Output', { Object: any }, ['Object'], say),
    localCmdlet('Write-Warning', { Object: any }, ['Object'], say),
    localCmdlet('Out-Null', {}, [], nothing),
    localCmdlet('Format-List', properties, ['Property'], nothing),
    localCmdlet('Format-Table', { ...properties, AutoSize: flag }, ['Property'], nothing),
  ];
}
