import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { type Failure, toFailure } from './api/failure';
import { getState, type SessionState, subscribe } from './api/session';

export function useSession(): SessionState {
  return useSyncExternalStore(subscribe, getState);
}

/** Returns the milliseconds until a time of this device's clock, updated every second; 0 when it has passed. */
export function useTimeLeft(until: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  const left = until === undefined ? 0 : Math.max(0, until - now);
  useEffect(() => {
    if (until === undefined) return;
    setNow(Date.now());
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}

export interface Action<A extends unknown[]> {
  run: (...args: A) => Promise<void>;
  busy: boolean;
  failure: Failure | undefined;
  clear: () => void;
}

/** An action that the user starts, one at a time, and its result. */
export function useAction<A extends unknown[]>(task: (...args: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const running = useRef(false);
  const latest = useRef(task);
  useEffect(() => {
    latest.current = task;
  });
  const run = useCallback(async (...args: A) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setFailure(undefined);
    try {
      await latest.current(...args);
    } catch (error) {
      setFailure(toFailure(error));
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setFailure(undefined), []);
  return { run, busy, failure, clear };
}
