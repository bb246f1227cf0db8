// Times and dates in the user's language.

/** Formats a time as the time that has passed since. */
export function formatAgo(instant: number, now: number, locale: string): string {
  const seconds = Math.max(0, Math.round((now - instant) / 1000));
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  if (seconds < 60) return format.format(0, 'second');
  if (seconds < 3600) return format.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86400) return format.format(-Math.floor(seconds / 3600), 'hour');
  return format.format(-Math.floor(seconds / 86400), 'day');
}

export function formatDate(instant: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(new Date(instant));
}

/** Formats the moment of an event, to the minute. */
export function formatMoment(instant: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(instant));
}

/** Lists regions by their names; undefined if all regions are allowed. */
export function regionNames(codes: string[] | null, locale: string): string | undefined {
  if (!codes) return undefined;
  const names = new Intl.DisplayNames(locale, { type: 'region', style: 'short' });
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(codes.map((code) => names.of(code) ?? code));
}
