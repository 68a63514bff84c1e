import type { CourierModule } from '../descriptor.ts';
import { maxMimeBytes } from './batch-limits.ts';
import { GraphCourier } from './courier.ts';

export { probe } from './probe.ts';

/** A courier to Graph for accounts of the same policy. */
export const create: CourierModule['create'] = ({
  client,
  sendAs,
  graphMimeBytes,
  policy: { envelope },
  marker,
  smtpFallback: smtp,
}) => {
  const most = Math.min(graphMimeBytes, maxMimeBytes);
  return new GraphCourier({ client, sendAs, maxMimeBytes: most, envelope, marker, smtp });
};
