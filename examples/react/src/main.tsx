// Signs in with the form of the package; then shows the user, refreshes the session and signs out.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { browserName, createSmsLogin, type Session, type User } from 'sms-login';
import { explain, messagesFor, SignIn, SmsLoginProvider, useAction, useSmsLogin } from 'sms-login/react';
import 'sms-login/style.css';

const url = import.meta.env.VITE_SMS_LOGIN_URL ?? 'http://localhost:8000/graphql';
const smsLogin = createSmsLogin({ url, deviceName: browserName });

function App() {
  const { status, user, offline } = useSmsLogin();
  if (status === 'starting') return <p>{offline ? 'The server cannot be reached. Trying again…' : 'One moment…'}</p>;
  return status === 'signedIn' ? <Account user={user} /> : <SignIn />;
}

function Account({ user }: { user: User }) {
  const { client } = useSmsLogin();
  const [sessions, setSessions] = useState<Session[]>([]);
  const [refreshes, setRefreshes] = useState(0);

  const reload = useAction(
    () => client.sessions(),
    (result) => setSessions(result.sessions),
  );
  // The client refreshes the session by itself. The button is here to see it.
  const refresh = useAction(
    () => client.refresh(),
    () => setRefreshes((count) => count + 1),
  );
  const rename = useAction((name: string) => client.updateProfile({ name }));

  useEffect(() => void reload.run(), [reload.run, refreshes]);

  const problem = [reload, refresh, rename].find((action) => action.problem)?.problem;
  return (
    <section>
      <h1>{user.name || 'Welcome'}</h1>
      <p>
        <img src={user.avatar} alt="" width="40" /> You are {user.phone}.
      </p>
      <form action={(data) => rename.run(String(data.get('name')))}>
        <label>
          Name <input name="name" required maxLength={32} />
        </label>
        <button disabled={rename.busy}>Save</button>
      </form>
      <h2>Your devices</h2>
      <ul>
        {sessions.map(({ id, deviceName, current }) => (
          <li key={id}>
            {deviceName ?? 'A device'} {current && '(this one)'}
          </li>
        ))}
      </ul>
      <button onClick={() => refresh.run()} disabled={refresh.busy}>
        Refresh
      </button>
      <button onClick={() => client.logout()}>Sign out</button>
      {refreshes > 0 && <p role="status">Refreshes: {refreshes}</p>}
      {problem && <p role="alert">{explain(problem, messagesFor('en'))}</p>}
    </section>
  );
}

createRoot(document.getElementById('root')!).render(
  <SmsLoginProvider client={smsLogin}>
    <App />
  </SmsLoginProvider>,
);
