import type { ExchangeSettings } from '../../tenant/tenant.ts';
import type { ExchangeOrganization } from '../organization.ts';
import { type Cmdlet, exchangeCmdlet } from '../powershell/cmdlet.ts';
import type { Row } from '../powershell/value.ts';

const identity = { Identity: { type: 'text', mandatory: true } } as const;

/** Which protocols are on, per mailbox and for all. Learn, "Set-CASMailbox" and "Set-TransportConfig". */
export function protocolCmdlets(organization: ExchangeOrganization): readonly Cmdlet[] {
  const { exchange } = organization.tenant;
  return [
    exchangeCmdlet(
      'Set-CASMailbox',
      {
        ...identity,
        ImapEnabled: { type: 'boolean' },
        PopEnabled: { type: 'boolean' },
        SmtpClientAuthenticationDisabled: { type: 'boolean?' },
      },
      (given) => {
        const mailbox = organization.mailbox(given.text('Identity'));
        const [imap, pop] = [given.flag('ImapEnabled'), given.flag('PopEnabled')];
        if (typeof imap === 'boolean') exchange.imapDisabledFor = listed(exchange.imapDisabledFor, mailbox, !imap);
        if (typeof pop === 'boolean') exchange.popDisabledFor = listed(exchange.popDisabledFor, mailbox, !pop);
        const smtp = given.flag('SmtpClientAuthenticationDisabled');
        if (smtp !== undefined) setSmtpAuth(exchange, mailbox, smtp);
        return [];
      },
      { positions: ['Identity'] },
    ),
    exchangeCmdlet(
      'Get-CASMailbox',
      identity,
      (given) => [casMailbox(exchange, organization.mailbox(given.text('Identity')))],
      { positions: ['Identity'] },
    ),
    exchangeCmdlet('Set-TransportConfig', { SmtpClientAuthenticationDisabled: { type: 'boolean' } }, (given) => {
      exchange.smtpAuthDisabled = given.flag('SmtpClientAuthenticationDisabled') ?? exchange.smtpAuthDisabled;
      return [];
    }),
    exchangeCmdlet('Get-TransportConfig', {}, () => [
      { Identity: 'Transport Settings', SmtpClientAuthenticationDisabled: exchange.smtpAuthDisabled },
    ]),
  ];
}

/** @param disabled null: the organization's setting applies */
function setSmtpAuth(exchange: ExchangeSettings, mailbox: string, disabled: boolean | null): void {
  exchange.smtpAuthDisabledFor = listed(exchange.smtpAuthDisabledFor, mailbox, disabled === true);
  exchange.smtpAuthEnabledFor = listed(exchange.smtpAuthEnabledFor, mailbox, disabled === false);
}

function listed(list: readonly string[], mailbox: string, wanted: boolean): readonly string[] {
  const others = list.filter((one) => one !== mailbox);
  return wanted ? [...others, mailbox] : others;
}

function casMailbox(exchange: ExchangeSettings, mailbox: string): Row {
  const off = exchange.smtpAuthDisabledFor.includes(mailbox);
  const on = exchange.smtpAuthEnabledFor.includes(mailbox);
  return {
    Identity: mailbox,
    PrimarySmtpAddress: mailbox,
    ImapEnabled: !exchange.imapDisabledFor.includes(mailbox),
    PopEnabled: !exchange.popDisabledFor.includes(mailbox),
    SmtpClientAuthenticationDisabled: off ? true : on ? false : null,
  };
}
