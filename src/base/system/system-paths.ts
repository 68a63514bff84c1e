/** The configuration of a service. */
export const systemConfig = '/etc/mailbridge/config.json';

/** The data folder of a service. */
export const systemDataDir = '/var/lib/mailbridge';

/** The key that encrypts the service's sign-ins. systemd passes it to the service; the commands read it here. */
export const systemTokenKey = '/etc/mailbridge/token.key';

/** Where systemd lets the service keep compiled code of the program: `CacheDirectory` of the unit. */
export const systemCacheDir = '/var/cache/mailbridge';
