// Idempotency keys: a repeated request with the same key gets the same answer. So an answer that was lost on the way
// costs the user nothing.
import { useRef } from 'react';

/** Returns a new random key. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Returns a function that returns the same key for the same arguments. */
export function useKeys(): (...args: string[]) => string {
  const keys = useRef(new Map<string, string>());
  return (...args) => {
    const name = args.join(' ');
    const key = keys.current.get(name) ?? newKey();
    keys.current.set(name, key);
    return key;
  };
}
