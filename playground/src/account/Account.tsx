import { useCallback, useEffect, useState } from 'react';
import type { Problem, Session, User } from 'sms-login';
import { useSmsLogin } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { Note } from '../parts';
import { CHANGE_PHONE, CODE, DELETE_ACCOUNT, go, replace, START, useRoute } from '../route';
import type { ServerInfo } from '../server';
import { ChangePhone } from './ChangePhone';
import { OwnPhone } from './OwnPhone';
import { ProfileCard } from './ProfileCard';
import { SessionList } from './SessionList';

interface Props {
  server: ServerInfo;
  me: User;
  isNewUser: boolean;
}

export function Account({ server, me, isNewUser }: Props) {
  const { t } = useLanguage();
  const { client } = useSmsLogin();
  const sessions = useSessions();
  const route = useRoute();
  const open = route.split('/')[0];
  const [done, setDone] = useState<string>();

  // Shows what changed elsewhere when the user returns, above all that another device ended this session.
  const { load } = sessions;
  useEffect(() => {
    const look = () => {
      if (document.hidden) return;
      void client.me();
      void load();
    };
    look();
    addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      removeEventListener('focus', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [client, load]);

  // Another tab may have signed in while this one was at the code.
  useEffect(() => {
    if (route === CODE) replace(START);
  }, [route]);

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
      <SessionList {...sessions} />
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
          <OwnPhone
            phone={me.phone ?? ''}
            purpose="DELETE_ACCOUNT"
            panel={DELETE_ACCOUNT}
            lead={t.deleteAccount.lead}
            warning={t.deleteAccount.warning}
            confirm={client.deleteAccount}
          />
        </Disclosure>
      </section>
    </div>
  );
}

export interface Sessions {
  sessions: Session[] | undefined;
  /** Why they could not be read. */
  problem: Problem | undefined;
  load: () => Promise<void>;
}

/** The sessions of the user. */
function useSessions(): Sessions {
  const { client } = useSmsLogin();
  const [sessions, setSessions] = useState<Session[]>();
  const [problem, setProblem] = useState<Problem>();
  const load = useCallback(async () => {
    const result = await client.sessions();
    if (result.ok) setSessions(result.sessions);
    setProblem(result.problem);
  }, [client]);
  return { sessions, problem, load };
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
