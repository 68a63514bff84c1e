/** Where the configuration of a service is. */
export const systemConfig = '/etc/mailbridge/config.json';

/** Where its data are. */
export const systemDataDir = '/var/lib/mailbridge';

/** The key that encrypts its sign-ins. systemd hands it to the service; the commands read it here. */
export const systemTokenKey = '/etc/mailbridge/token.key';

/** Where systemd lets it keep machine code of the program: `CacheDirectory` of the unit. */
export const systemCacheDir = '/var/cache/mailbridge';
