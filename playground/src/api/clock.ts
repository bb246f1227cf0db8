// The server's time. Countdowns and refreshes follow it, since a device's own clock may be wrong.

let skew = 0;

/** Learns the server's time from the Date header of one of its answers. */
export function learnTime(response: Response): void {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  // The header has whole seconds: half a second is its middle, and two are within its error.
  const difference = date + 500 - Date.now();
  skew = Math.abs(difference) < 2000 ? 0 : difference;
}

/** Turns an instant of the server's into one of this device's clock, in milliseconds. */
export function localTime(instant: string): number {
  return Date.parse(instant) - skew;
}
