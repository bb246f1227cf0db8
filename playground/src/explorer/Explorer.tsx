// GraphiQL, with the access token of the account view in its headers. It is loaded when the view opens: it is large.
import { useGraphiQL } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import { useEffect, useRef, useState } from 'react';
import { fetchWithToken, getState } from '../api/session';
import { useSession } from '../hooks';
import { firstTabs } from './queries';

type Fetcher = React.ComponentProps<typeof GraphiQL>['fetcher'];

// The editor rejects its pending promises with this error if the view closes while they run. That is not a fault.
window.addEventListener('unhandledrejection', (event) => {
  const { reason } = event;
  if (reason instanceof Error && reason.name === 'Canceled' && reason.message === 'Canceled') event.preventDefault();
});

/** Tokens that this page put into the headers: it may replace only them. */
const given = new Set<string>();

function headersWith(token: string | undefined): string {
  if (!token) return '';
  given.add(token);
  return JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
}

function currentToken(): string | undefined {
  const state = getState();
  return state.status === 'signedIn' ? state.accessToken : undefined;
}

function isGiven(text: string): boolean {
  return [...given].some((token) => text.includes(token));
}

const fetcher: Fetcher = async (params, options) => {
  const headers = new Headers({ accept: 'application/graphql-response+json', 'content-type': 'application/json' });
  for (const [name, value] of Object.entries(options?.headers ?? {})) headers.set(name, String(value));
  const init = { method: 'POST', headers, body: JSON.stringify(params) };
  const ours = isGiven(headers.get('authorization') ?? '');
  const response = await (ours ? fetchWithToken('/graphql', init) : fetch('/graphql', init));
  return response.json();
};

export default function Explorer() {
  const [tabs] = useState(() => firstTabs(headersWith(currentToken())));
  return (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={tabs}
      defaultHeaders={headersWith(currentToken())}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      defaultEditorToolsVisibility="headers"
    >
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
      <GraphiQL.Footer>
        <KeepToken />
      </GraphiQL.Footer>
    </GraphiQL>
  );
}

/** Replaces the token in the headers when a new one is issued. */
function KeepToken() {
  const session = useSession();
  const token = session.status === 'signedIn' ? session.accessToken : undefined;
  const editor = useGraphiQL((state) => state.headerEditor);
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const before = useRef<string>(undefined);
  useEffect(() => {
    if (!editor) return;
    const text = editor.getValue();
    const changed = before.current !== undefined && before.current !== `${token}`;
    before.current = `${token}`;
    if (isGiven(text) || (text.trim() === '' && (changed || token))) {
      const next = headersWith(token);
      if (next !== text) editor.setValue(next);
    }
  }, [token, editor, tab]);
  return null;
}
