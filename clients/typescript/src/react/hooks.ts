// The hooks: the state of the client, actions of the user, countdowns and deliveries.
import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { SmsLogin } from '../client.js';
import type { Delivery } from '../delivery.js';
import type { Problem, Result, SmsLoginState } from '../types.js';

const Context = createContext<SmsLogin | undefined>(undefined);

/** Makes a client available to the hooks and components below it. */
export function SmsLoginProvider({ client, children }: { client: SmsLogin; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: client }, children);
}

/** A server that renders the page does not know who is signed in. */
const ON_SERVER: SmsLoginState = { status: 'starting', offline: false, challenges: {} };

/** Returns the client of the provider and its current state, such as `status` and `user`. */
export function useSmsLogin(): SmsLoginState & { client: SmsLogin } {
  const client = useContext(Context);
  if (!client) throw new Error('There is no <SmsLoginProvider> around this component.');
  const state = useSyncExternalStore(
    client.subscribe,
    () => client.state,
    () => ON_SERVER,
  );
  return useMemo(() => ({ ...state, client }), [state, client]);
}

/** Something that the user can start, one at a time. */
export interface Action<Args extends unknown[]> {
  run(...args: Args): Promise<void>;
  busy: boolean;
  /** Why the last run failed. */
  problem: Problem | undefined;
  /** Removes the problem. */
  clear(): void;
}

/** Runs an operation of the client when the user starts it, and keeps its problem. */
export function useAction<Args extends unknown[], Payload>(
  task: (...args: Args) => Promise<Result<Payload>>,
  onDone?: (payload: Payload) => void,
): Action<Args> {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const isRunning = useRef(false);
  const latest = useRef({ task, onDone });
  useEffect(() => {
    latest.current = { task, onDone };
  });
  const run = useCallback(async (...args: Args) => {
    if (isRunning.current) return;
    isRunning.current = true;
    setBusy(true);
    setProblem(undefined);
    try {
      const result = await latest.current.task(...args);
      if (result.ok) latest.current.onDone?.(result);
      else setProblem(result.problem);
    } finally {
      isRunning.current = false;
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setProblem(undefined), []);
  return { run, busy, problem, clear };
}

/** Returns the milliseconds until a time, such as `challenge.resendAt`, updated every second; 0 when it has passed. */
export function useTimeLeft(until: number | null | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!until) return undefined;
    const look = () => {
      setNow(Date.now());
      if (Date.now() >= until) clearInterval(timer);
    };
    const timer = setInterval(look, 250);
    look();
    return () => clearInterval(timer);
  }, [until]);
  return until ? Math.max(0, until - now) : 0;
}

/** Returns how far the message of a challenge has got. Undefined until the server knows. */
export function useDelivery(challengeId: string | undefined): Delivery | undefined {
  const { client } = useSmsLogin();
  const [found, setFound] = useState<{ challengeId: string; delivery: Delivery }>();
  useEffect(() => {
    if (!challengeId) return undefined;
    return client.delivery(challengeId, (delivery) => setFound({ challengeId, delivery }));
  }, [client, challengeId]);
  return found?.challengeId === challengeId ? found?.delivery : undefined;
}
