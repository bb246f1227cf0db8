// Idempotency keys: a repeated request with the same key gets the same answer. So an answer that was lost on the way
// costs the user nothing.
import { useRef } from 'react';

/** Returns a new random key. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Returns a function that runs a request with a key. If the request fails, for example because its answer was lost, the
 * next one with the same `name` has the same key. A request that succeeded is over: the next one is a new request.
 */
export function useIdempotency(): <T>(name: string, run: (key: string) => Promise<T>) => Promise<T> {
  const last = useRef({ name: '', key: '' });
  return async (name, run) => {
    if (last.current.name !== name) last.current = { name, key: newKey() };
    const result = await run(last.current.key);
    last.current = { name: '', key: '' };
    return result;
  };
}
