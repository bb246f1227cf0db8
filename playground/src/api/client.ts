// The GraphQL client, with a normalized cache that is cleared when the user signs out.
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { fetchWithToken, getState, subscribe } from './session';

export const client = new ApolloClient({
  link: new HttpLink({ uri: '/graphql', fetch: fetchWithToken }),
  cache: new InMemoryCache({
    typePolicies: { User: { fields: { sessions: { merge: false } } } },
  }),
});

let status = getState().status;
subscribe(() => {
  const before = status;
  status = getState().status;
  if (before === 'signedIn' && status === 'signedOut') void client.clearStore();
});
