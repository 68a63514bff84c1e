import { describeReadClients } from '../support/read-clients-contract.ts';
import { exchangeRoutes, graphRoutes, startWithSimulator } from '../support/read-clients-world.ts';

describeReadClients({ start: startWithSimulator, routes: [...exchangeRoutes, ...graphRoutes] });
