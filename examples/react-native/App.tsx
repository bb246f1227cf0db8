// Signs in with the hooks of the package; then shows the user, refreshes the session and signs out.
import { useState } from 'react';
import { Button, StyleSheet, Text, TextInput, View } from 'react-native';
import { explain, messagesFor, SmsLoginProvider, useAction, useSmsLogin, useTimeLeft } from 'sms-login/react';
import { smsLogin } from './sms-login';

export default function App() {
  return (
    <SmsLoginProvider client={smsLogin}>
      <View style={styles.page}>
        <Screen />
      </View>
    </SmsLoginProvider>
  );
}

function Screen() {
  const { status, challenges } = useSmsLogin();
  if (status === 'starting') return <Text>One moment…</Text>;
  if (status === 'signedIn') return <Account />;
  return challenges.LOGIN ? <CodeForm resendAt={challenges.LOGIN.resendAt} /> : <PhoneForm />;
}

function PhoneForm() {
  const { client } = useSmsLogin();
  const [phone, setPhone] = useState('');
  const request = useAction(() => client.requestCode({ phone }));
  return (
    <>
      <TextInput style={styles.field} value={phone} onChangeText={setPhone} placeholder="Phone number"
        keyboardType="phone-pad" autoComplete="tel" textContentType="telephoneNumber" />
      <Button title="Send code" onPress={() => request.run()} disabled={request.busy} />
      <Problem of={[request]} />
    </>
  );
}

function CodeForm({ resendAt }: { resendAt: number }) {
  const { client } = useSmsLogin();
  const [code, setCode] = useState('');
  const wait = Math.ceil(useTimeLeft(resendAt) / 1000);
  const login = useAction(() => client.login({ code }));
  const resend = useAction(() => client.requestCode({ phone: client.state.challenges.LOGIN?.phone }));
  return (
    <>
      <TextInput style={styles.field} value={code} onChangeText={setCode} placeholder="Code from the SMS" autoFocus
        keyboardType="number-pad" autoComplete="sms-otp" textContentType="oneTimeCode" />
      <Button title="Sign in" onPress={() => login.run()} disabled={login.busy} />
      <Button title={wait > 0 ? `New code in ${wait} s` : 'Send a new code'} onPress={() => resend.run()} disabled={wait > 0} />
      <Button title="Use another number" onPress={() => client.forgetCode()} />
      <Problem of={[login, resend]} />
    </>
  );
}

function Account() {
  const { client, user, offline } = useSmsLogin();
  const [refreshes, setRefreshes] = useState(0);
  // The client refreshes the session by itself. The button is here to see it.
  const refresh = useAction(async () => {
    const result = await client.refresh();
    return result.ok ? client.me() : result;
  }, () => setRefreshes((count) => count + 1));
  return (
    <>
      <Text>You are {user?.phone}.</Text>
      {offline && <Text>The server cannot be reached.</Text>}
      {refreshes > 0 && <Text>Refreshes: {refreshes}</Text>}
      <Button title="Refresh" onPress={() => refresh.run()} disabled={refresh.busy} />
      <Button title="Sign out" onPress={() => client.logout()} />
      <Problem of={[refresh]} />
    </>
  );
}

function Problem({ of }: { of: Pick<ReturnType<typeof useAction>, 'problem'>[] }) {
  const problem = of.find((action) => action.problem)?.problem;
  return problem ? <Text role="alert">{explain(problem, messagesFor('en'))}</Text> : null;
}

const styles = StyleSheet.create({
  page: { flex: 1, justifyContent: 'center', gap: 12, padding: 24 },
  field: { borderWidth: 1, borderColor: '#999', borderRadius: 8, padding: 12 },
});
