import { randomUUID } from 'node:crypto';

/** The error answer of the token endpoint, as in "Microsoft identity platform error codes". */
export function entraErrorAnswer(number: number, error: string, text: string) {
  const [trace, correlation] = [randomUUID(), randomUUID()];
  const timestamp = '2026-11-21 07:00:00Z';
  return {
    error,
    error_description: `AADSTS${number}: ${text} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
    error_codes: [number],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${number}`,
  };
}
