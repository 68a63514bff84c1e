import { invitationLink, linkWarning } from '../../admin/api/connect/invitations.ts';
import type { ConnectInvitation } from '../../admin/connect/port.ts';
import { pagesOrigin } from '../../app/admin/pages-origin.ts';
import { assertInvitable } from '../../app/connect/connect-login.ts';
import { Invitations } from '../../app/connect/invitations.ts';
import { type CommandQueue, hasQueue } from '../../app/queue-store.ts';
import { BridgeError } from '../../base/errors.ts';
import type { AdminConfig, Config } from '../../config/schema.ts';
import type { AuditNote } from '../audited.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { localTime, timeZoneText } from '../terminal/times.ts';

/** What `mailbridge account` was asked to do with invitations. */
export interface InvitationRequest {
  /** The address of the person invited, or the id of an invitation; undefined: none was given. */
  readonly subject: string | undefined;
  readonly days: number;
  readonly json: boolean;
  readonly nowMs: number;
  readonly config: Config;
  readonly queue: CommandQueue;
  readonly note: AuditNote;
}

/** Runs the action. @returns the exit code @throws BridgeError */
export type InvitationAction = (request: InvitationRequest, io: CliIo) => Promise<number>;

const dayMs = 86_400_000;
const madeBy = 'mailbridge account invite';

/** `mailbridge account invite` */
export async function invite(request: InvitationRequest, io: CliIo): Promise<number> {
  const { subject: address = '', days, json, nowMs, config } = request;
  const admin = connectAdmin(config);
  assertInvitable(config, admin.connect.connection, address);
  const invitations = await opened(request);
  const { invitation, token } = await invitations.make({ address, madeBy, expiresAtMs: nowMs + days * dayMs }, nowMs);
  request.note({ invitation: invitation.id, expiresAt: invitation.expiresAt });
  const url = invitationLink(pagesOrigin(admin, config), token);
  if (json) {
    io.stdout.write(`${JSON.stringify({ ...invitation, url }, null, 2)}\n`);
    return 0;
  }
  const screen = new Screen(io.stderr, io.env);
  const until = localTime(Date.parse(invitation.expiresAt), nowMs);
  screen.say(
    `Invitation ${invitation.id} for ${invitation.address}, valid once and until ${until}. The link is shown only this once.`,
    { mark: 'ok' },
  );
  const warning = admin.publicUrl === undefined ? linkWarning(admin.host) : null;
  if (warning !== null) screen.say(warning, { mark: 'warning' });
  io.stdout.write(`${url}\n`);
  return 0;
}

/** `mailbridge account invitations`: a line for each. */
export async function listInvitations(request: InvitationRequest, io: CliIo): Promise<number> {
  const { subject, json, nowMs, config } = request;
  const all = hasQueue(config) ? await (await opened(request)).list(nowMs) : [];
  const found = all.filter(({ address }) => subject === undefined || address === subject.toLowerCase());
  if (json) {
    const told = found.map((each) => ({ ...each, usedAt: each.usedAt ?? null }));
    io.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return 0;
  }
  const screen = new Screen(io.stdout, io.env);
  if (found.length === 0) {
    screen.say(subject === undefined ? 'no invitations' : `no invitations of ${subject}`);
    return 0;
  }
  const time = (at: string) => localTime(Date.parse(at), nowMs);
  const state = ({ usedAt, expiresAt }: ConnectInvitation) =>
    usedAt !== undefined ? `used ${time(usedAt)}` : Date.parse(expiresAt) <= nowMs ? 'over' : 'open';
  screen.table<ConnectInvitation>(
    [
      { heading: 'ID', value: ({ id }) => id, least: 12 },
      { heading: 'ADDRESS', value: ({ address }) => address, least: 20 },
      { heading: 'STATE', value: state, least: 4 },
      { heading: 'UNTIL', value: ({ expiresAt }) => time(expiresAt) },
      { heading: 'MADE BY', value: ({ madeBy }) => madeBy, least: 12, spare: 1 },
    ],
    found,
  );
  screen.blank();
  screen.say(
    `${found.length === 1 ? '1 invitation' : `${found.length} invitations`}; times are ${timeZoneText(nowMs)}.`,
  );
  return 0;
}

/** `mailbridge account revoke` */
export async function revokeInvitation(request: InvitationRequest, io: CliIo): Promise<number> {
  const { subject: id = '', json, nowMs } = request;
  const { address } = await (await opened(request)).revoke(id, nowMs);
  request.note({ address });
  if (json) io.stdout.write(`${JSON.stringify({ id, address, revoked: true }, null, 2)}\n`);
  else new Screen(io.stdout, io.env).say(`The invitation ${id} for ${address} is revoked.`, { mark: 'ok' });
  return 0;
}

/** @throws BridgeError `queue-unreadable` if there is no queue yet */
async function opened({ config, queue }: InvitationRequest): Promise<Invitations> {
  if (hasQueue(config)) return new Invitations((await queue.open()).records);
  throw new BridgeError(
    'queue-unreadable',
    `Invitations are kept with the queue, and ${config.dataDir} has none yet.`,
    {
      remedy: 'Start the bridge, or name the right configuration with --config.',
    },
  );
}

type ConnectAdmin = AdminConfig & { readonly connect: NonNullable<AdminConfig['connect']> };

/** @throws BridgeError `usage` if people do not connect their own mailboxes */
function connectAdmin({ admin }: Config): ConnectAdmin {
  if (admin?.connect) return admin as ConnectAdmin;
  throw new BridgeError('usage', 'The configuration has no admin.connect, so nobody can connect their own mailbox.', {
    remedy: 'Add it as mailbridge help admin says, "Connect a mailbox".',
  });
}
