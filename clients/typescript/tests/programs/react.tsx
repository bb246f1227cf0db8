// A small React program, rendered to a string as on a server.
import { renderToString } from 'react-dom/server';
import { createSmsLogin } from 'sms-login';
import { SignIn, SmsLoginProvider, useSmsLogin } from 'sms-login/react';
import 'sms-login/style.css';

const smsLogin = createSmsLogin({ url: 'https://sms.example.com/graphql' });

function App() {
  const { status, user, client } = useSmsLogin();
  if (status === 'signedIn') return <button onClick={() => void client.logout()}>{user.name}</button>;
  return (
    <>
      <p>{status}</p>
      <SignIn onSignedIn={({ user }) => console.log(user.id)} messages={{ send: 'Text me' }} regions={['CN', 'HK']} />
    </>
  );
}

console.log(renderToString(<SmsLoginProvider client={smsLogin}><App /></SmsLoginProvider>));
