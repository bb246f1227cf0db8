// React Native: the storage of the session, and random bytes.
import type { SmsLoginOptions, SmsLoginStorage } from './types.js';

/** The part of `@react-native-async-storage/async-storage` that is used. */
export interface AsyncStorageLike {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
}

/** The part of `expo-secure-store` that is used. */
export interface SecureStoreLike {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<void>;
}

/**
 * Returns options for `createSmsLogin`. With `expo-secure-store` the session is in the Keychain or the Keystore; `random` is
 * `getRandomBytes` of `expo-crypto`:
 *
 * ```ts
 * createSmsLogin({ url, ...reactNative({ storage: SecureStore, random: Crypto.getRandomBytes }) });
 * ```
 */
export function reactNative({
  storage,
  random,
}: {
  storage: AsyncStorageLike | SecureStoreLike;
  /** Not needed if the app has a polyfill of `crypto.getRandomValues`. */
  random?: (bytes: number) => Uint8Array;
}): Pick<SmsLoginOptions, 'storage' | 'random'> {
  const fitting: SmsLoginStorage =
    'getItemAsync' in storage
      ? {
          getItem: (key) => storage.getItemAsync(key),
          setItem: (key, value) => storage.setItemAsync(key, value),
          shared: false,
        }
      : {
          getItem: (key) => storage.getItem(key),
          setItem: (key, value) => storage.setItem(key, value),
          shared: false,
        };
  return { storage: fitting, ...(random && { random }) };
}
