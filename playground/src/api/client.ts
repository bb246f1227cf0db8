// The GraphQL client, with a normalized cache that is cleared when the user signs out.
import { ApolloClient, HttpLink, InMemoryCache, type OperationVariables, type TypedDocumentNode } from '@apollo/client';
import { ApiError, payloadOf } from './failure';
import { fetchWithToken, getState, subscribe } from './session';

export const client = new ApolloClient({
  link: new HttpLink({ uri: '/graphql', fetch: fetchWithToken }),
  cache: new InMemoryCache({
    typePolicies: { User: { fields: { sessions: { merge: false } } } },
  }),
});

/** Runs one mutation and returns its payload. Throws its problem, or the GraphQL errors of the response. */
export async function mutate<R extends { __typename: string }, V extends OperationVariables>(
  mutation: TypedDocumentNode<Record<string, R>, V>,
  variables: V,
) {
  const { data } = await client.mutate<Record<string, R>>({ mutation, variables });
  const [result] = Object.values(data ?? {});
  if (!result) throw new ApiError([]);
  return payloadOf(result);
}

let status = getState().status;
subscribe(() => {
  const before = status;
  status = getState().status;
  if (before === 'signedIn' && status === 'signedOut') void client.clearStore();
});
