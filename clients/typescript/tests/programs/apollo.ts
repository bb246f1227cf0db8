// A program with Apollo Client: one query with a token that the server rejects at first.
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createSmsLogin } from 'sms-login';
import { smsLoginLink } from 'sms-login/apollo';
import { forge, signIn, storage } from './core.js';

const [url = '', phone = ''] = process.argv.slice(2);
(await signIn(url, phone)).close();
forge();
const smsLogin = createSmsLogin({ url, storage });
const client = new ApolloClient({
  link: smsLoginLink(smsLogin).concat(new HttpLink({ uri: url })),
  cache: new InMemoryCache(),
});
const { data } = await client.query<{ me: { phone: string } | null }>({ query: gql`{ me { id phone } }` });
console.log(`apollo: ${data?.me?.phone}`);
await smsLogin.logout();
const after = await client.query<{ me: { phone: string } | null }>({ query: gql`{ me { id phone } }`, fetchPolicy: 'network-only' });
console.log(`signed out: ${after.data?.me}`);
