/**
 * Makes a statement durable before it is answered, whatever the role's default is; where that is `remote_apply`, standbys
 * show it by then, too. For a place that is evaluated once at least.
 */
export const durably = `set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)`;

/** A loss of power may take the statement back; what is durable after it takes it with it. */
export const softly = `set_config('synchronous_commit', 'off', true)`;
