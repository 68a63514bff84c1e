import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { firewallLine, ownAddresses } from '../../src/onboarding/own-addresses.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => {
  const rest = { address, netmask: '', mac: '', cidr: null, internal };
  return address.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
};

test('a device reaches this machine by its name and its addresses in the network', () => {
  const interfaces = {
    lo: [at('127.0.0.1', true), at('::1', true)],
    eth0: [at('192.168.10.5'), at('2001:db8::5'), at('fe80::5')],
    wlan0: [at('10.0.0.7'), at('169.254.3.4')],
    docker0: [at('172.17.0.1')],
    'br-0af1': [at('172.18.0.1')],
  };
  expect(ownAddresses('print1', interfaces)).toEqual(['print1', '192.168.10.5', '10.0.0.7']);
});

test('IPv6 addresses are shown where there are no others', () => {
  const interfaces = { eth0: [at('2001:db8::5'), at('fe80::5')], gone: undefined };
  expect(ownAddresses('print1', interfaces)).toEqual(['print1', '2001:db8::5']);
});

test('the firewall line opens every port that the bridge listens on', () => {
  expect(firewallLine([2525, 1143])).toBe(
    'sudo ufw allow 2525,1143/tcp (ufw), or sudo firewall-cmd --permanent --add-port=2525/tcp --add-port=1143/tcp && sudo firewall-cmd --reload (firewalld)',
  );
});
