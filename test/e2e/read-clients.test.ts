import { describeReadClients } from '../support/read-clients-contract.ts';
import { startWithSimulator } from '../support/read-clients-world.ts';

describeReadClients({ start: startWithSimulator });
