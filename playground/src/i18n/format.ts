// Times and dates in the user's language.

/** Formats a duration in its two largest units. */
export function formatWait(milliseconds: number, locale: string): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const units: [string, number][] =
    seconds < 60
      ? [['second', seconds]]
      : seconds < 3600
        ? [['minute', Math.floor(seconds / 60)], ['second', seconds % 60]]
        : [['hour', Math.floor(seconds / 3600)], ['minute', Math.floor((seconds % 3600) / 60)]];
  const parts = units.filter(([, n], index) => n > 0 || index === 0);
  return parts
    .map(([unit, n]) => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: locale.startsWith('zh') ? 'short' : 'long' }).format(n))
    .join(locale.startsWith('zh') ? '' : ' ');
}

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
