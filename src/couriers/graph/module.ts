import type { CourierModule } from '../descriptor.ts';
import { GraphCourier } from './courier.ts';

export { probe } from './probe.ts';

/** Creates a courier to Graph for accounts with the same policy. */
export const create: CourierModule['create'] = ({
  client,
  sendAs,
  graphMimeBytes: maxMimeBytes,
  policy: { envelope },
  marker,
  smtpFallback: smtp,
}) => new GraphCourier({ client, sendAs, maxMimeBytes, envelope, marker, smtp });
