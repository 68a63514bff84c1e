/** The name of a connection's app registration, and of its certificates and its service principal in Exchange. */
export function appName(connection: string): string {
  return `mailbridge ${connection}`;
}

/**
 * The command line that gives the app of a connection a new certificate or secret, and how the bridge starts to use it.
 */
export function rotateRemedy(connection: string): string {
  return `Run mailbridge register-app --name ${connection} --rotate, then reload (SIGHUP).`;
}
