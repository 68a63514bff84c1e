const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A duration: `40 s`, `12 min`, `3 h`, `2 d`, in whole units. */
export function durationText(ms: number): string {
  const long = Math.abs(ms);
  if (long < minuteMs) return `${Math.round(long / 1000)} s`;
  if (long < 2 * hourMs) return `${Math.round(long / minuteMs)} min`;
  return long < 2 * dayMs ? `${Math.round(long / hourMs)} h` : `${Math.round(long / dayMs)} d`;
}

/** How far away a moment is: `3 min ago`, `in 2 h`, `now`. */
export function relativeTime(ms: number, nowMs: number): string {
  const away = ms - nowMs;
  if (Math.abs(away) < 1000) return 'now';
  return away < 0 ? `${durationText(away)} ago` : `in ${durationText(away)}`;
}

/** The local time: `15:04`, preceded by the date if that is not today. */
export function localTime(ms: number, nowMs = ms): string {
  const [day, clock] = partsOf(ms);
  return day === partsOf(nowMs)[0] ? clock : `${day} ${clock}`;
}

/** Local date and time, to the second: `2026-11-29 15:04:05`. */
export function localDateTime(ms: number): string {
  const [day, clock] = partsOf(ms);
  return `${day} ${clock}:${digits(new Date(ms).getSeconds())}`;
}

/** The time zone of {@link localTime}: `Europe/Berlin, UTC+01:00`. */
export function timeZoneText(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  if (minutes === 0) return 'UTC';
  const sign = minutes < 0 ? '-' : '+';
  const offset = `${digits(Math.floor(Math.abs(minutes) / 60))}:${digits(Math.abs(minutes) % 60)}`;
  return `${timeZone}, UTC${sign}${offset}`;
}

function partsOf(ms: number): [day: string, clock: string] {
  const date = new Date(ms);
  const day = [date.getFullYear(), digits(date.getMonth() + 1), digits(date.getDate())].join('-');
  return [day, `${digits(date.getHours())}:${digits(date.getMinutes())}`];
}

function digits(value: number): string {
  return String(value).padStart(2, '0');
}
