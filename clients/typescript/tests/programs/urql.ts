// A program with urql: one query with a token that the server rejects at first.
import { cacheExchange, Client, fetchExchange } from '@urql/core';
import { createSmsLogin } from 'sms-login';
import { smsLoginExchange } from 'sms-login/urql';
import { forge, signIn, storage } from './core.js';

const [url = '', phone = ''] = process.argv.slice(2);
(await signIn(url, phone)).close();
forge();
const smsLogin = createSmsLogin({ url, storage });
const client = new Client({ url, exchanges: [cacheExchange, smsLoginExchange(smsLogin), fetchExchange], preferGetMethod: false });
const { data } = await client.query<{ me: { phone: string } | null }>('{ me { id phone } }', {}).toPromise();
console.log(`urql: ${data?.me?.phone}`);
await smsLogin.logout();
const after = await client.query('{ me { id phone } }', {}, { requestPolicy: 'network-only' }).toPromise();
console.log(`signed out: ${after.data?.me}`);
