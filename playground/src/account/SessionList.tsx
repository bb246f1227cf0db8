import { useRef, useState } from 'react';
import type { Session } from 'sms-login';
import { useAction, useSmsLogin } from 'sms-login/react';
import { useLanguage } from '../i18n';
import { formatAgo, formatMoment } from '../i18n/format';
import { Note, ProblemNote, Spinner } from '../parts';
import type { Sessions } from './Account';

export function SessionList({ sessions, problem, load }: Sessions) {
  const { t } = useLanguage();
  const { client } = useSmsLogin();
  const [ended, setEnded] = useState(0);
  const heading = useRef<HTMLHeadingElement>(null);
  const end = useAction(
    async (sessionIds: string[]) => {
      setEnded(0);
      const result = await client.endSessions(...sessionIds);
      if (result.ok) await load();
      return result;
    },
    ({ endedSessions }) => {
      setEnded(endedSessions);
      // The pressed button is gone, so the focus needs another place.
      heading.current?.focus();
    },
  );
  const others = sessions?.filter(({ current }) => !current) ?? [];
  return (
    <section className="card" aria-labelledby="sessions-heading">
      <div className="card-head">
        <h2 id="sessions-heading" ref={heading} tabIndex={-1}>
          {t.sessions.heading}
        </h2>
        {others.length > 1 && (
          <button type="button" className="button-small" onClick={() => void end.run(others.map(({ id }) => id))}>
            {t.sessions.endOthers}
          </button>
        )}
      </div>
      {!sessions && (problem ? <ProblemNote problem={problem} /> : <Spinner />)}
      <ul className="sessions">
        {sessions?.map((session) => (
          <SessionRow key={session.id} session={session} onEnd={() => void end.run([session.id])} />
        ))}
      </ul>
      <ProblemNote problem={end.problem} />
      {ended > 0 && <Note>{t.sessions.ended(ended)}</Note>}
    </section>
  );
}

function SessionRow({ session, onEnd }: { session: Session; onEnd: () => void }) {
  const { t, locale } = useLanguage();
  const { client } = useSmsLogin();
  const device = session.deviceName ?? t.sessions.unknown;
  const when = formatAgo(client.localTime(session.lastUsedAt), Date.now(), locale);
  return (
    <li>
      <div className="session-text">
        <p>
          {device}
          {session.current && <span className="badge">{t.sessions.current}</span>}
        </p>
        <p className="muted small">
          {t.sessions.since(formatMoment(session.createdAt, locale))} · {t.sessions.used(when)}
        </p>
      </div>
      {!session.current && (
        <button type="button" className="button-small" aria-label={t.sessions.endLabel(device, when)} onClick={onEnd}>
          {t.sessions.end}
        </button>
      )}
    </li>
  );
}
