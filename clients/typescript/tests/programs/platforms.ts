// React Native and WeChat: a stand-in for what these platforms provide, with the types that the package expects.
import { randomBytes } from 'node:crypto';
import { createSmsLogin } from 'sms-login';
import { reactNative } from 'sms-login/react-native';
import { wechat, type Wx } from 'sms-login/wechat';

const [url = ''] = process.argv.slice(2);
const values = new Map<string, string>();

const SecureStore = {
  getItemAsync: async (key: string) => {
    if (!/^[\w.-]+$/.test(key)) throw new Error(`a key that SecureStore rejects: ${key}`);
    return values.get(key) ?? null;
  },
  setItemAsync: async (key: string, value: string) => void values.set(key, value),
};
const AsyncStorage = {
  getItem: async (key: string) => values.get(key) ?? null,
  setItem: async (key: string, value: string) => void values.set(key, value),
};

const wx: Wx = {
  request({ url, method, header, data, success, fail }) {
    fetch(url, { method, headers: header, body: data })
      .then(async (response) => success({ data: await response.json(), header: Object.fromEntries(response.headers) }))
      .catch((error: Error) => fail({ errMsg: error.message }));
  },
  getStorageSync: (key) => values.get(key) ?? '',
  setStorageSync: (key, value) => void values.set(key, value),
  getRandomValues: ({ length, success }) => success({ randomValues: new Uint8Array(randomBytes(length)).buffer }),
  getSystemInfoSync: () => ({ brand: 'HUAWEI', model: 'Mate 60', language: 'zh_CN' }),
};

for (const [name, options] of Object.entries({
  'secure store': reactNative({ storage: SecureStore, random: (count) => new Uint8Array(randomBytes(count)) }),
  'async storage': reactNative({ storage: AsyncStorage }),
  wechat: wechat(wx),
})) {
  values.clear();
  const smsLogin = createSmsLogin({ url, ...options });
  const { state } = smsLogin;
  const result = await smsLogin.requestCode({ phone: `+86138${Math.floor(1e7 + Math.random() * 9e7)}` });
  const stored = JSON.parse(values.get('sms-login.codes') ?? '{}') as { challenges?: { LOGIN?: { challengeId: string } } };
  console.log(`${name}: ${state.status}, ${result.ok}, ${result.ok && stored.challenges?.LOGIN?.challengeId === result.challenge.challengeId}`);
}
