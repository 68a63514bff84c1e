/**
 * Makes a statement durable before it is answered, whatever the role's default is; if that is `remote_apply`, standbys
 * show it by then, too. For a place that is evaluated at least once.
 */
export const durably = `set_config('synchronous_commit',
  CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)`;

/** A loss of power may undo the statement; anything durable after it makes it durable as well. */
export const softly = `set_config('synchronous_commit', 'off', true)`;
