// The client, with the session in the Keychain or the Keystore.
import * as Crypto from 'expo-crypto';
import * as SecureStore from 'expo-secure-store';
import { Platform } from 'react-native';
import { createSmsLogin } from 'sms-login';
import { reactNative } from 'sms-login/react-native';

// The emulator of Android reaches this machine at 10.0.2.2, the simulator of iOS at localhost.
const host = Platform.OS === 'android' ? '10.0.2.2' : 'localhost';

export const smsLogin = createSmsLogin({
  url: process.env.EXPO_PUBLIC_SMS_LOGIN_URL ?? `http://${host}:8000/graphql`,
  deviceName: `${Platform.OS} example`,
  ...reactNative({ storage: SecureStore, random: Crypto.getRandomBytes }),
});
