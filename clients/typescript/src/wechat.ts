// WeChat mini programs: requests, the storage and random bytes by `wx`.
import type { Fetch, SmsLoginOptions } from './types.js';

interface Callbacks<Success> {
  success(result: Success): void;
  fail(error: { errMsg: string }): void;
}

/** The part of `wx` that is used. */
export interface Wx {
  request(
    options: {
      url: string;
      method: 'POST';
      header: Record<string, string>;
      data: string;
    } & Callbacks<{ data: unknown; header: Record<string, string> }>,
  ): unknown;
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, value: string): void;
  getRandomValues(options: { length: number } & Callbacks<{ randomValues: ArrayBuffer }>): unknown;
  getSystemInfoSync?(): { brand?: string; model?: string; language?: string };
}

/**
 * Returns options for `createSmsLogin`:
 *
 * ```ts
 * createSmsLogin({ url, ...wechat(wx) });
 * ```
 */
export function wechat(wx: Wx): Pick<SmsLoginOptions, 'storage' | 'random' | 'fetch' | 'locale' | 'deviceName'> {
  const request: Fetch = (url, { headers, body }) =>
    new Promise((resolve, reject) => {
      wx.request({
        url,
        method: 'POST',
        header: headers,
        data: body,
        success({ data, header }) {
          const lower = Object.fromEntries(Object.entries(header ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
          resolve({
            headers: { get: (name) => lower[name] ?? null },
            // `wx` parses only answers whose type it knows.
            json: async () => (typeof data === 'string' ? JSON.parse(data) : data),
          });
        },
        fail: ({ errMsg }) => reject(new Error(errMsg)),
      });
    });

  return {
    fetch: request,
    storage: {
      // `wx` returns "" for a key that is not there.
      getItem: (key) => (wx.getStorageSync(key) as string) || null,
      setItem: (key, value) => wx.setStorageSync(key, value),
      shared: false,
    },
    random: (length) =>
      new Promise((resolve, reject) => {
        wx.getRandomValues({
          length,
          success: ({ randomValues }) => resolve(new Uint8Array(randomValues)),
          fail: ({ errMsg }) => reject(new Error(errMsg)),
        });
      }),
    locale: () => wx.getSystemInfoSync?.().language?.replace('_', '-'),
    deviceName: () => {
      const { brand, model } = wx.getSystemInfoSync?.() ?? {};
      return [brand, model].filter(Boolean).join(' ').slice(0, 64) || undefined;
    },
  };
}
