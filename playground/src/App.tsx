import { Component, lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { useSmsLogin } from 'sms-login/react';
import { Account } from './account/Account';
import { type Language, useLanguage } from './i18n';
import { InboxProvider } from './inbox/inbox';
import { InboxPanel } from './inbox/InboxPanel';
import { Skeleton, Spinner } from './parts';
import { EXPLORER, useRoute } from './route';
import { loadServerInfo, ServerContext, type ServerInfo } from './server';
import { SignIn } from './signin/SignIn';

const Explorer = lazy(() => import('./explorer/Explorer'));

export function App() {
  const isExplorer = useRoute() === EXPLORER;
  const [server, setServer] = useState<ServerInfo>();
  useEffect(() => void loadServerInfo().then(setServer), []);
  if (!server) {
    return (
      <>
        <Header isExplorer={isExplorer} />
        <div className="page">
          <main id="content">
            <Skeleton />
          </main>
        </div>
      </>
    );
  }
  return (
    <ServerContext value={server}>
      <InboxProvider url={server.inbox}>
        <Header isExplorer={isExplorer} />
        {isExplorer ? (
          <Boundary key="explorer">
            <Suspense fallback={<Spinner />}>
              <Explorer />
            </Suspense>
          </Boundary>
        ) : (
          <div className={server.inbox ? 'page page-with-inbox' : 'page'}>
            <main id="content">
              <Boundary>
                <Person server={server} />
              </Boundary>
            </main>
            {server.inbox && <InboxPanel />}
          </div>
        )}
      </InboxProvider>
    </ServerContext>
  );
}

function Header({ isExplorer }: { isExplorer: boolean }) {
  const { t, language, setLanguage } = useLanguage();
  const { status, offline } = useSmsLogin();
  return (
    <>
      <a className="skip" href="#content" onClick={skipToContent}>
        {t.skip}
      </a>
      <header className="header">
        <a className="brand" href="#">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <span>sms-login</span>
        </a>
        <nav aria-label={t.nav.label}>
          <a href="#" aria-current={isExplorer ? undefined : 'page'}>
            {status === 'signedIn' ? t.nav.signedIn : t.nav.account}
          </a>
          <a href={EXPLORER} aria-current={isExplorer ? 'page' : undefined}>
            {t.nav.explorer}
          </a>
        </nav>
        <select
          aria-label={t.language.label}
          value={language}
          onChange={(event) => setLanguage(event.target.value as Language)}
        >
          <option value="en" lang="en">
            English
          </option>
          <option value="zh" lang="zh-CN">
            中文
          </option>
        </select>
      </header>
      {offline && (
        <p className="banner" role="status">
          {t.offline}
        </p>
      )}
    </>
  );
}

/** Moves the focus and keeps the address, because the address says which view is open. */
function skipToContent(event: { preventDefault: () => void }) {
  event.preventDefault();
  const content = document.getElementById('content');
  content?.setAttribute('tabindex', '-1');
  content?.focus();
}

function Person({ server }: { server: ServerInfo }) {
  const { status, user, reason } = useSmsLogin();
  const [isNewUser, setIsNewUser] = useState(false);
  switch (status) {
    case 'starting':
      return <Skeleton />;
    case 'signedIn':
      return <Account server={server} me={user} isNewUser={isNewUser} />;
    case 'signedOut':
      return <SignIn server={server} notice={reason} onSignedIn={setIsNewUser} />;
  }
}

class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Crashed /> : this.props.children;
  }
}

function Crashed() {
  const { t } = useLanguage();
  return (
    <p className="note note-bad" role="alert">
      {t.crashed}
    </p>
  );
}
