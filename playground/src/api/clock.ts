// The server's time. Countdowns and refreshes follow it, because a device's clock may be wrong.

let skew = 0;

/** Reads the server's time from the Date header of a response. */
export function learnTime(response: Response): void {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  // The header has whole seconds: add half a second on average, and ignore differences below two.
  const difference = date + 500 - Date.now();
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

/** Converts a time of the server to this device's clock, in milliseconds. */
export function localTime(instant: string): number {
  return Date.parse(instant) - skew;
}
