import { BridgeError } from '../../../base/errors.ts';
import { entraError } from '../../../tokens/entra/errors.ts';
import { aadstsNumber, entraWords } from '../../../tokens/entra/words.ts';
import type { CheckOperations, Discovery } from '../operations.ts';
import type { CheckedConnection } from '../subject.ts';
import type { Finding, Hop } from './hop.ts';

const maxSkewMs = 5 * 60_000;

/** Whether Entra ID knows the tenant, and whether the clocks agree. Both come from one answer. */
export function entraHops(
  connection: CheckedConnection,
  operations: Pick<CheckOperations, 'discover' | 'now'>,
  needs: readonly string[],
): Hop[] {
  const { tenantId } = connection;
  if (tenantId === undefined) return [];
  let date: string | undefined;
  return [
    {
      key: 'discovery',
      name: 'discovery',
      target: `tenant ${tenantId}`,
      accounts: [],
      needs,
      run: async () => {
        const answer = await operations.discover();
        date = answer.date;
        return tenantFinding(connection, answer);
      },
    },
    {
      key: 'clock',
      name: 'clock',
      target: '',
      accounts: [],
      // An unknown tenant gets the time as well.
      needs,
      run: async () => clockFinding(date, operations.now()),
    },
  ];
}

function tenantFinding({ authority, tenantId }: CheckedConnection, { status, body }: Discovery): Finding {
  const document = parse(body);
  if (status === 200 && typeof document.token_endpoint === 'string') {
    const id = /\/([0-9a-f-]{36})\//i.exec(String(document.issuer))?.[1];
    return id === undefined || id === tenantId ? {} : { detail: `tenant id ${id}` };
  }
  const { host } = new URL(authority);
  const said = typeof document.error_description === 'string' ? document.error_description : '';
  const number = aadstsNumber(said);
  if (number === undefined) {
    throw new BridgeError('token-answer-invalid', `${host} answered ${status} with no OpenID configuration.`);
  }
  const known = entraError(number, said);
  throw new BridgeError('tenant-unknown', known?.cause ?? `${host} does not know the tenant ${tenantId}.`, {
    ...(known && { kind: known.kind, remedy: known.remedy }),
    details: { aadsts: `AADSTS${number}`, said: `AADSTS${number}: ${entraWords(said)}` },
  });
}

/** @param date the `Date` header of an answer, to the second (RFC 9110 section 6.6.1) */
function clockFinding(date: string | undefined, nowMs: number): Finding | { readonly notApplicable: string } {
  const theirsMs = Date.parse(date ?? '');
  if (Number.isNaN(theirsMs)) return { notApplicable: 'Entra ID did not send the time' };
  const skewMs = nowMs - theirsMs;
  const text = `${durationText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} Microsoft's`;
  if (Math.abs(skewMs) <= maxSkewMs) return { detail: `within ${Math.max(1, Math.ceil(Math.abs(skewMs) / 1000))} s` };
  throw new BridgeError('clock-wrong', `The clock of this machine is ${text}.`);
}

function durationText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}

function parse(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
