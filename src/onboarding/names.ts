/** What the app registration of a connection is called, and its certificates and the service principal in Exchange with it. */
export function appName(connection: string): string {
  return `mailbridge ${connection}`;
}

/** The command line that gives the app of a connection a new certificate or secret, and what makes the bridge use it. */
export function rotateRemedy(connection: string): string {
  return `Run mailbridge register-app --name ${connection} --rotate, then reload (SIGHUP).`;
}
