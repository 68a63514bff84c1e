/** A permission as the registration lists it, which grants nothing by being listed. */
export interface RequiredPermission {
  /** The resource's app id. */
  readonly resourceAppId: string;
  /** Id of the app role or the scope. */
  readonly id: string;
  readonly type: 'Role' | 'Scope';
}
