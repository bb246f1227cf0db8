// Storages for the web and for tests, and the lock that lets one tab refresh at a time.
import type { SmsLoginStorage } from './types.js';

/** How long a tab that has crashed can keep others from refreshing: longer than a request takes. */
const LEASE_MS = 20_000;
const SETTLE_MS = 50;

/** Keeps the data in memory: until a reload, and for this client only. */
export function memoryStorage(): SmsLoginStorage {
  const values = new Map<string, string>();
  return { getItem: (key) => values.get(key), setItem: (key, value) => values.set(key, value) };
}

/** Keeps the data in `localStorage`, for reloads and for all tabs. If the browser has none, keeps it in memory. */
export function webStorage(): SmsLoginStorage {
  try {
    // Reading the property throws if the user blocks site data, and writing throws if the storage is full.
    const { localStorage } = globalThis;
    localStorage.setItem('sms-login.test', '1');
    localStorage.removeItem('sms-login.test');
    return {
      getItem: (key) => localStorage.getItem(key),
      setItem: (key, value) => localStorage.setItem(key, value),
      watch(listener) {
        const onStorage = ({ key, newValue, storageArea }: StorageEvent) => {
          if (key && storageArea === localStorage) listener(key, newValue);
        };
        addEventListener('storage', onStorage);
        return () => removeEventListener('storage', onStorage);
      },
    };
  } catch {
    return memoryStorage();
  }
}

/** Wraps a storage: what it fails to write, for example because it is full, is kept in memory. */
export function reliable(storage: SmsLoginStorage): SmsLoginStorage {
  const unwritten = new Map<string, string>();
  return {
    getItem: (key) => unwritten.get(key) ?? storage.getItem(key),
    async setItem(key, value) {
      try {
        await storage.setItem(key, value);
        unwritten.delete(key);
      } catch {
        unwritten.set(key, value);
      }
    },
    watch: (listener) => storage.watch?.(listener) ?? (() => {}),
    shared: storage.shared ?? true,
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs a task while no other client with the same storage runs one. */
export async function exclusively<T>(
  storage: SmsLoginStorage,
  name: string,
  newKey: () => Promise<string>,
  task: () => Promise<T>,
): Promise<T> {
  const locks = globalThis.navigator?.locks;
  if (locks) {
    let isRunning = false;
    const run = () => {
      isRunning = true;
      return task();
    };
    try {
      const result = await locks.request(name, { ifAvailable: true }, (lock) => lock && run());
      if (isRunning) return result as T;
      const signal = AbortSignal.timeout?.(LEASE_MS);
      // What another tab has stored can arrive a moment after its lock.
      return (await locks.request(name, { signal }, () => pause(SETTLE_MS).then(run))) as T;
    } catch (error) {
      if (isRunning) throw error;
      // A browser can freeze a tab that has the lock. Then the server's idempotency keys have to suffice.
      return task();
    }
  }
  if (storage.shared === false) return task();

  // Web Locks exist only on https and on localhost. Elsewhere a lease is written, and is valid if it is still there after a
  // moment: of two tabs that write at the same time, the later one wins.
  const mine = await newKey();
  for (const end = Date.now() + LEASE_MS; Date.now() < end; ) {
    const [owner, until] = ((await storage.getItem(name)) ?? '').split(' ');
    if (owner === mine) break;
    const isFree = !(Number(until) > Date.now());
    if (isFree) await storage.setItem(name, `${mine} ${Date.now() + LEASE_MS}`);
    await pause(SETTLE_MS);
    // A storage that keeps nothing has no other users.
    if (isFree && !(await storage.getItem(name))) break;
  }

  try {
    return await task();
  } finally {
    if ((await storage.getItem(name))?.startsWith(mine)) await storage.setItem(name, '');
  }
}
