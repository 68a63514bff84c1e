import { describeReadClients } from '../support/read-clients-contract.ts';
import { startWithDovecot } from '../support/read-clients-world.ts';

describeReadClients(startWithDovecot, () => {});
