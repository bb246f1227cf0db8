// The page of the browser tests: an app with a sign-in form. Its address chooses the language and the mode.
import { createRoot } from 'react-dom/client';
import { browserName, createSmsLogin } from 'sms-login';
import { ConfirmPhone, SignIn, SmsLoginProvider, useSmsLogin } from 'sms-login/react';
import 'sms-login/style.css';

const query = new URLSearchParams(location.search);
const locale = query.get('locale') ?? undefined;
const client = createSmsLogin({ url: '/graphql', cookies: query.has('cookies'), deviceName: browserName });
Object.assign(window, { smsLogin: client });
document.documentElement.lang = locale ?? 'en';

function App() {
  const { status, user, reason } = useSmsLogin();
  return (
    <main>
      <h1>Shop</h1>
      <output>{[status, reason].filter(Boolean).join(' ')}</output>
      {user && <p>Hello {user.phone}</p>}
      {user && (
        <button type="button" onClick={() => void client.logout()}>
          Sign out
        </button>
      )}
      {user && query.has('change') && <ConfirmPhone purpose="CHANGE_PHONE" onDone={(result) => (document.title = `moved to ${result.user.phone}`)} />}
      <SignIn
        locale={locale}
        calls
        captcha={async (appId) => {
          document.title = `captcha ${appId}`;
          return { ticket: 'ticket', randstr: '@abc' };
        }}
        onSignedIn={({ isNewUser }) => (document.title = isNewUser ? 'Welcome' : 'Welcome back')}
      />
    </main>
  );
}

createRoot(document.getElementById('root')!).render(
  <SmsLoginProvider client={client}>
    <App />
  </SmsLoginProvider>,
);
