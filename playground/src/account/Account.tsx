import { useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { MeDocument, SessionsDocument } from '../api/generated/operations';
import { toFailure } from '../api/failure';
import type { ServerInfo } from '../api/server';
import { useLanguage } from '../i18n';
import { FailureNote, Note, Skeleton } from '../parts';
import { CHANGE_PHONE, CODE, DELETE_ACCOUNT, go, replace, START, useRoute } from '../route';
import { ChangePhone } from './ChangePhone';
import { DeleteAccount } from './DeleteAccount';
import { ProfileCard } from './ProfileCard';
import { SessionList } from './SessionList';

interface Props {
  server: ServerInfo;
  isNewUser: boolean;
}

export function Account({ server, isNewUser }: Props) {
  const { t } = useLanguage();
  const { data, error, refetch } = useQuery(MeDocument, { fetchPolicy: 'cache-and-network' });
  const sessions = useQuery(SessionsDocument, { fetchPolicy: 'cache-and-network' });
  const route = useRoute();
  const open = route.split('/')[0];
  const [done, setDone] = useState<string>();

  // Shows what changed elsewhere when the user returns, above all that another device ended this session.
  const refetchSessions = sessions.refetch;
  useEffect(() => {
    const look = () => {
      if (document.hidden) return;
      refetch().catch(() => undefined);
      refetchSessions().catch(() => undefined);
    };
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [refetch, refetchSessions]);

  // Another tab may have signed in while this one was at the code.
  useEffect(() => {
    if (route === CODE) replace(START);
  }, [route]);

  const me = data?.me;
  if (!me) {
    return error ? (
      <section className="card card-narrow">
        <FailureNote failure={toFailure(error)} />
      </section>
    ) : (
      <Skeleton />
    );
  }
  const toggle = (panel: string) => {
    setDone(undefined);
    go(open === panel ? START : panel);
  };
  const finish = () => {
    setDone(t.changePhone.done);
    replace(START);
    // The panel is gone, so the focus needs another place.
    document.getElementById('profile-heading')?.focus();
  };
  return (
    <div className="stack">
      {isNewUser && !done && <Note>{t.account.welcome}</Note>}
      {done && <Note>{done}</Note>}
      <ProfileCard me={me} />
      <SessionList sessions={sessions.data?.me?.sessions ?? undefined} error={sessions.error} />
      <section className="card" aria-label={`${t.changePhone.heading}, ${t.deleteAccount.heading}`}>
        <Disclosure label={t.changePhone.heading} open={open === CHANGE_PHONE} onToggle={() => toggle(CHANGE_PHONE)}>
          <ChangePhone server={server} phone={me.phone ?? ''} onDone={finish} />
        </Disclosure>
        <Disclosure
          label={t.deleteAccount.heading}
          open={open === DELETE_ACCOUNT}
          onToggle={() => toggle(DELETE_ACCOUNT)}
          danger
        >
          <DeleteAccount phone={me.phone ?? ''} />
        </Disclosure>
      </section>
    </div>
  );
}

interface DisclosureProps {
  label: string;
  open: boolean;
  onToggle: () => void;
  danger?: boolean;
  children: React.ReactNode;
}

function Disclosure({ label, open, onToggle, danger = false, children }: DisclosureProps) {
  return (
    <div className="disclosure">
      <h2>
        <button type="button" aria-expanded={open} className={danger ? 'danger' : ''} onClick={onToggle}>
          {label}
        </button>
      </h2>
      {open && <div className="disclosure-body">{children}</div>}
    </div>
  );
}
