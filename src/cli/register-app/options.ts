import { BridgeError } from '../../base/errors.ts';
import { type CloudName, cloudNames } from '../../config/clouds.ts';
import { guid, mailbox, tenant } from '../../config/fields.ts';
import { type CourierKind, courierKinds } from '../../message/courier-kind.ts';
import type { ReadWay } from '../../onboarding/permissions.ts';
import { graphCommandLineTools } from '../../onboarding/registration/administrator.ts';
import { numberOption, readArguments } from '../arguments.ts';

/** The command line of `register-app`. */
export interface RegisterAppOptions {
  readonly config: string | undefined;
  readonly name: string | undefined;
  readonly displayName: string | undefined;
  readonly clientId: string | undefined;
  readonly send: readonly CourierKind[];
  readonly read: readonly ReadWay[];
  /** Undefined: as configured, else app-only. */
  readonly mode: 'app-only' | 'delegated' | undefined;
  readonly shared: boolean;
  readonly classic: boolean;
  readonly tenantWide: boolean;
  readonly mailboxes: readonly string[];
  /** Undefined: as configured, else a certificate. */
  readonly credential: 'certificate' | 'secret' | undefined;
  readonly secretDays: number;
  readonly tenant: string | undefined;
  readonly cloud: CloudName | undefined;
  readonly signInClientId: string;
  readonly browser: boolean;
  readonly rotate: boolean;
  readonly removeOrphans: boolean;
  readonly dryRun: boolean;
  readonly wait: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws BridgeError `usage` */
export function readRegisterAppOptions(args: string[]): RegisterAppOptions {
  const { values } = readArguments('register-app', {
    args,
    options: {
      config: { type: 'string', short: 'c' },
      name: { type: 'string' },
      'display-name': { type: 'string' },
      'client-id': { type: 'string' },
      send: { type: 'string', multiple: true, default: [] },
      read: { type: 'string', multiple: true, default: [] },
      'app-only': { type: 'boolean' },
      delegated: { type: 'boolean' },
      shared: { type: 'boolean', default: false },
      classic: { type: 'boolean', default: false },
      'tenant-wide': { type: 'boolean', default: false },
      mailbox: { type: 'string', multiple: true, default: [] },
      secret: { type: 'boolean' },
      certificate: { type: 'boolean' },
      'secret-days': { type: 'string', default: '180' },
      tenant: { type: 'string' },
      cloud: { type: 'string' },
      'sign-in-client-id': { type: 'string', default: graphCommandLineTools },
      browser: { type: 'boolean', default: false },
      rotate: { type: 'boolean', default: false },
      'remove-orphans': { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      'no-wait': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  exclude('app-only', values['app-only'], 'delegated', values.delegated);
  exclude('secret', values.secret, 'certificate', values.certificate);
  exclude('delegated', values.delegated, 'rotate', values.rotate);
  exclude('delegated', values.delegated, 'secret', values.secret);
  return {
    config: values.config,
    name:
      values.name === undefined
        ? undefined
        : matching(
            'name',
            values.name,
            /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
            'letters, digits, ".", "_" and "-", at most 64',
          ),
    displayName:
      values['display-name'] === undefined
        ? undefined
        : matching('display-name', values['display-name'], /^[^\p{C}]{1,120}$/u, '1 to 120 characters'),
    clientId: valid('client-id', values['client-id'], guid()),
    send: values.send.map((courier) => oneOf('send', courier, courierKinds)),
    read: values.read.map((read) => oneOf('read', read, ['imap', 'pop3', 'graph'] as const)),
    mode: values.delegated ? 'delegated' : values['app-only'] ? 'app-only' : undefined,
    shared: values.shared,
    classic: values.classic,
    tenantWide: values['tenant-wide'],
    mailboxes: values.mailbox.flatMap((address) => valid('mailbox', address, mailbox()) ?? []),
    credential: values.secret ? 'secret' : values.certificate ? 'certificate' : undefined,
    secretDays: numberOption('secret-days', values['secret-days'], 1, 730),
    tenant: valid('tenant', values.tenant, tenant()),
    cloud: values.cloud === undefined ? undefined : oneOf('cloud', values.cloud, cloudNames),
    signInClientId: valid('sign-in-client-id', values['sign-in-client-id'], guid()) ?? graphCommandLineTools,
    browser: values.browser,
    rotate: values.rotate,
    removeOrphans: values['remove-orphans'],
    dryRun: values['dry-run'],
    wait: !values['no-wait'],
    json: values.json,
    help: values.help,
  };
}

const remedy = 'Run mailbridge register-app --help.';

function exclude(one: string, hasOne: boolean | undefined, other: string, hasOther: boolean | undefined): void {
  if (!hasOne || !hasOther) return;
  throw new BridgeError('usage', `--${one} and --${other} exclude each other.`, { remedy });
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new BridgeError('usage', `--${option} needs ${allowed.join(', ')}, not "${text}".`, { remedy });
}

function matching(option: string, text: string, form: RegExp, wanted: string): string {
  if (form.test(text)) return text;
  throw new BridgeError('usage', `--${option} needs ${wanted}.`, { remedy });
}

interface Form {
  safeParse(text: unknown): { success: boolean; error?: { issues: readonly { message: string }[] } | undefined };
}

function valid(option: string, text: string | undefined, form: Form): string | undefined {
  const result = text === undefined ? undefined : form.safeParse(text);
  if (result === undefined || result.success) return text;
  throw new BridgeError('usage', `--${option} "${text}" ${result.error?.issues[0]?.message}.`, { remedy });
}
