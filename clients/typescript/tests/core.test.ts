// The core against the real server, and against a network that breaks.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { createSmsLogin, memoryStorage, type Delivery, type SmsLogin, type SmsLoginOptions, type SmsLoginStorage, type TokenPayload } from 'sms-login';
import WebSocket from 'ws';
import { startProxy, type Proxy } from './support/proxy.js';
import { startServer, type Server } from './support/server.js';
import { freshPhone, requestCode, signIn, until, wrong } from './support/sign-in.js';

let server: Server;
let proxy: Proxy;

before(async () => {
  server = await startServer();
  proxy = await startProxy(server.origin);
});

after(async () => {
  await proxy.stop();
  await server.stop();
});

/** Creates a client behind the proxy, and closes it after the test. */
function create(t: TestContext, options: Partial<SmsLoginOptions> = {}): SmsLogin {
  proxy.fault = undefined;
  proxy.operations = [];
  proxy.blocksSockets = false;
  const client = createSmsLogin({ url: proxy.url, ...options });
  t.after(() => client.close());
  return client;
}

/** Replaces a field of the stored session. */
function change(storage: SmsLoginStorage, changes: object): void {
  const session = JSON.parse(storage.getItem('sms-login.session') as string) as object;
  storage.setItem('sms-login.session', JSON.stringify({ ...session, ...changes }));
}

const EXPIRED = { refreshAt: 1, expiresAt: 1 };
const stored = (storage: SmsLoginStorage) => JSON.parse(storage.getItem('sms-login.session') as string);

describe('the life of an account', () => {
  test('signs up, changes the profile and the phone, and deletes the account', async (t) => {
    const client = create(t, { deviceName: 'Test' });
    const state = () => client.state;
    assert.equal(state().status, 'signedOut');

    const phone = freshPhone();
    const code = await requestCode(server, client, { phone });
    const seen = new Set<string>();
    client.subscribe(() => seen.add(`${client.state.status}${client.state.challenges.LOGIN ? ' with a code' : ''}`));
    assert.equal(client.state.challenges.LOGIN?.codeLength, 6);
    const login = await client.login({ code });
    assert.ok(login.ok);
    assert.deepEqual([login.isNewUser, login.user.phone], [true, phone]);
    // A form that shows the state does not ask for the phone again in between.
    assert.deepEqual([...seen], ['signedIn with a code', 'signedIn']);
    assert.equal(client.state.challenges.LOGIN, undefined);

    const named = await client.updateProfile({ name: 'Anna' });
    assert.ok(named.ok && named.user.name === 'Anna');
    assert.equal(state().user?.name, 'Anna');
    const sessions = await client.sessions();
    assert.ok(sessions.ok);
    assert.deepEqual(sessions.sessions.map(({ deviceName, current }) => [deviceName, current]), [['Test', true]]);

    const next = freshPhone();
    const changed = await client.changePhone({ code: await requestCode(server, client, { phone: next, purpose: 'CHANGE_PHONE' }) });
    assert.ok(changed.ok && changed.user.phone === next);
    assert.equal(state().user?.phone, next);

    const before = await client.accessToken();
    const again = await client.reauthenticate({ code: await requestCode(server, client, { purpose: 'REAUTHENTICATE' }) });
    assert.ok(again.ok);
    assert.notEqual(await client.accessToken(), before);

    const gone = await client.deleteAccount({ code: await requestCode(server, client, { purpose: 'DELETE_ACCOUNT' }) });
    assert.ok(gone.ok && gone.deletedUserId === login.user.id);
    assert.deepEqual([client.state.status, client.state.reason], ['signedOut', 'deleted']);
    assert.equal(await client.accessToken(), undefined);
    const me = await client.me();
    assert.ok(me.ok && me.user === null);
  });

  test('ends other sessions, and signs out everywhere', async (t) => {
    const [here, there] = [create(t), create(t, { storage: memoryStorage() })];
    const phone = await signIn(server, here);
    await signIn(server, there, phone);
    const found = await here.sessions();
    assert.ok(found.ok && found.sessions.length === 2);
    const other = found.sessions.find(({ current }) => !current)!;
    const ended = await here.endSessions(other.id);
    assert.ok(ended.ok && ended.endedSessions === 1);

    const refused = await there.updateProfile({ name: 'Late' });
    assert.ok(!refused.ok && refused.problem.code === 'TOKEN_INVALID');
    assert.deepEqual([there.state.status, there.state.reason], ['signedOut', 'ended']);

    const out = await here.logout({ everywhere: true });
    assert.ok(out.ok && out.endedSessions === 1);
    assert.deepEqual([here.state.status, here.state.reason], ['signedOut', 'signedOut']);
  });

  test('proves that a user has a phone', async (t) => {
    const client = create(t);
    const code = await requestCode(server, client, { phone: freshPhone(), purpose: 'VERIFY', reference: 'transfer:9981' });
    const result = await client.verifyCode({ code });
    assert.ok(result.ok);
    const claims = JSON.parse(Buffer.from(result.proof.split('.')[1]!, 'base64url').toString());
    assert.equal(claims.reference, 'transfer:9981');
    assert.equal(client.state.status, 'signedOut');
  });

  test('uses a session of another client', async (t) => {
    let payload: TokenPayload | undefined;
    const fetch: SmsLoginOptions['fetch'] = async (url, init) => {
      const response = await globalThis.fetch(url, init);
      const { data } = (await response.clone().json()) as { data: { login?: TokenPayload } };
      payload ??= data.login;
      return response;
    };
    const phone = await signIn(server, create(t, { fetch, storage: memoryStorage() }));
    const storage = memoryStorage();
    const client = create(t, { storage });
    await client.start(payload!);
    assert.deepEqual([client.state.status, client.state.user?.phone], ['signedIn', phone]);
    assert.match(String(storage.getItem('sms-login.device')), /^sld_/);
    assert.ok((await client.refresh()).ok);
  });

  test('keeps the device token for the next sign-in', async (t) => {
    const storage = memoryStorage();
    const client = create(t, { storage });
    await signIn(server, client);
    const device = storage.getItem('sms-login.device');
    assert.match(String(device), /^sld_/);
    await client.logout();
    assert.equal(storage.getItem('sms-login.device'), device);

    let sent = '';
    const fetch: SmsLoginOptions['fetch'] = (url, init) => {
      sent = init.body;
      return globalThis.fetch(url, init);
    };
    const next = create(t, { storage, fetch });
    await next.requestCode({ phone: freshPhone() });
    assert.equal(JSON.parse(sent).variables.input.deviceToken, device);
  });
});

describe('problems', () => {
  test('a wrong code, then the right one', async (t) => {
    const client = create(t);
    const code = await requestCode(server, client, { phone: freshPhone() });
    const first = await client.login({ code: wrong(code) });
    assert.ok(!first.ok);
    assert.deepEqual([first.problem.code, first.problem.attemptsRemaining], ['CODE_INCORRECT', 2]);
    assert.ok((await client.login({ code })).ok);
  });

  test('a challenge without attempts is over, and the next request does not continue it', async (t) => {
    const sent: { resendOf?: string }[] = [];
    const fetch: SmsLoginOptions['fetch'] = (url, init) => {
      const { query, variables } = JSON.parse(init.body);
      if (query.includes('mutation RequestCode')) sent.push(variables.input);
      return globalThis.fetch(url, init);
    };
    const storage = memoryStorage();
    const client = create(t, { storage, fetch });
    const phone = freshPhone();
    const code = await requestCode(server, client, { phone });
    for (const left of [2, 1, 0]) {
      assert.equal(client.state.challenges.LOGIN?.isOver, undefined);
      const result = await client.login({ code: wrong(code) });
      assert.ok(!result.ok && result.problem.attemptsRemaining === left);
    }
    assert.equal(client.state.challenges.LOGIN?.isOver, true);
    // After a reload, too.
    assert.equal(create(t, { storage }).state.challenges.LOGIN?.isOver, true);
    const next = await requestCode(server, client, { phone });
    assert.deepEqual(sent.map(({ resendOf }) => resendOf), [undefined, undefined]);
    assert.ok((await client.login({ code: next })).ok);
  });

  test('a code that nobody requested is expired', async (t) => {
    const result = await create(t).login({ code: '123456' });
    assert.ok(!result.ok && result.problem.code === 'CODE_EXPIRED');
  });

  test('an invalid phone names its field', async (t) => {
    const result = await create(t).requestCode({ phone: '12' });
    assert.ok(!result.ok);
    assert.deepEqual([result.problem.code, result.problem.field], ['INVALID_PHONE', 'input.phone']);
  });

  test('a GraphQL error is a problem, too', async (t) => {
    const result = await create(t).updateProfile({ name: 'Nobody' });
    assert.ok(!result.ok && result.problem.code === 'UNAUTHENTICATED');
  });

  test('an answer that is not one of the server is a NETWORK problem', async (t) => {
    const client = create(t);
    for (const fault of ['refuse', 'bad gateway'] as const) {
      proxy.fault = fault;
      const result = await client.requestCode({ phone: freshPhone() });
      assert.ok(!result.ok && result.problem.code === 'NETWORK', fault);
    }
  });

  test('a rate limit has a time on the clock of this device, although that clock is wrong', async (t) => {
    const limited = await startServer({ SEND_COOLDOWN: '30s' });
    t.after(() => limited.stop());
    const late = Date.now() + 2 * 3_600_000;
    t.mock.timers.enable({ apis: ['Date'], now: late });
    const client = create(t, { url: limited.url });
    const phone = freshPhone();
    const sent = await client.requestCode({ phone });
    assert.ok(sent.ok);
    const near = (time: number, expected: number) => assert.ok(Math.abs(time - expected) < 5000, `${time - late}`);
    near(sent.challenge.resendAt, late + 30_000);
    near(sent.challenge.expiresAt, late + 300_000);
    const again = await client.requestCode({ phone });
    assert.ok(!again.ok);
    assert.equal(again.problem.limit, 'COOLDOWN');
    near(again.problem.retryAt!, late + 30_000);
  });
});

describe('lost answers', () => {
  test('a repeated request sends one SMS, also after a reload', async (t) => {
    const storage = memoryStorage();
    const phone = freshPhone();
    const mark = server.mark();
    const client = create(t, { storage });
    proxy.fault = 'drop';
    const lost = await client.requestCode({ phone });
    assert.ok(!lost.ok && lost.problem.code === 'NETWORK');

    const reloaded = create(t, { storage });
    const result = await reloaded.requestCode({ phone });
    assert.ok(result.ok);
    assert.equal(server.messages(mark), 1);
    assert.ok((await reloaded.login({ code: await server.code(mark) })).ok);
  });

  test('a request after an answer is a new one, and the codes of both messages are accepted', async (t) => {
    const client = create(t);
    const phone = freshPhone();
    const first = await requestCode(server, client, { phone });
    const { challengeId } = client.state.challenges.LOGIN!;
    const second = await requestCode(server, client, { phone });
    assert.notEqual(client.state.challenges.LOGIN!.challengeId, challengeId);
    if (first !== second) assert.ok((await client.login({ code: first })).ok);
  });

  test('a repeated login starts one session, also after a reload', async (t) => {
    const storage = memoryStorage();
    const client = create(t, { storage });
    const code = await requestCode(server, client, { phone: freshPhone() });
    proxy.fault = 'drop';
    const lost = await client.login({ code });
    assert.ok(!lost.ok && lost.problem.code === 'NETWORK');

    const reloaded = create(t, { storage });
    assert.equal(reloaded.state.challenges.LOGIN?.challengeId, client.state.challenges.LOGIN?.challengeId);
    assert.ok((await reloaded.login({ code })).ok);
    const sessions = await reloaded.sessions();
    assert.ok(sessions.ok && sessions.sessions.length === 1);
  });
});

describe('the session', () => {
  test('20 requests with an expired token share one refresh', async (t) => {
    // Without a lock.
    const storage = { ...memoryStorage(), shared: false };
    await signIn(server, create(t, { storage }));
    change(storage, { ...EXPIRED, accessToken: 'rejected' });
    const client = create(t, { storage });
    const results = await Promise.all(Array.from({ length: 20 }, () => client.me()));
    assert.ok(results.every((result) => result.ok && result.user));
    assert.deepEqual(proxy.operations, ['Refresh', ...Array(20).fill('Me')]);
  });

  test('20 requests with a rejected token share one refresh, and are repeated', async (t) => {
    const storage = { ...memoryStorage(), shared: false };
    await signIn(server, create(t, { storage }));
    change(storage, { accessToken: 'rejected' });
    const client = create(t, { storage });
    const results = await Promise.all(Array.from({ length: 20 }, () => client.me()));
    assert.ok(results.every((result) => result.ok && result.user));
    assert.equal(proxy.operations.filter((name) => name === 'Refresh').length, 1);
    assert.equal(proxy.operations.filter((name) => name === 'Me').length, 40);
  });

  test('the access token is refreshed before it expires', async (t) => {
    const quick = await startServer({ ACCESS_TOKEN_TTL: '3s' });
    t.after(() => quick.stop());
    const client = create(t, { url: quick.url });
    await signIn(quick, client);
    const [first, start] = [client.state.accessToken, Date.now()];
    await until(() => client.state.accessToken !== first, 'a refresh');
    assert.ok(Date.now() - start < 3000, 'the refresh was late');
  });

  test('a wrong clock causes no early refresh, although a page of another origin cannot read the header Date', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2 * 3_600_000 });
    const client = create(t, {
      fetch: async (url, init) => {
        const response = await globalThis.fetch(url, init);
        return { headers: { get: () => null }, json: () => response.json() };
      },
    });
    await signIn(server, client);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const me = await client.me();
    assert.ok(me.ok && me.user);
    assert.equal(proxy.operations.includes('Refresh'), false);
    assert.ok(Math.abs(client.localTime(me.user.createdAt) - Date.now()) < 5000);
  });

  test('a refresh survives a network that loses answers, and a reload in the middle', async (t) => {
    const storage = memoryStorage();
    const client = create(t, { storage });
    await signIn(server, client);
    const before = stored(storage);
    for (const fault of ['drop', 'refuse', 'bad gateway', 'drop'] as const) {
      proxy.fault = fault;
      const result = await client.refresh();
      assert.ok(!result.ok && result.problem.code === 'NETWORK');
      assert.deepEqual([client.state.status, client.state.offline], ['signedIn', true]);
    }

    const reloaded = create(t, { storage });
    assert.equal(reloaded.state.status, 'signedIn');
    assert.ok((await reloaded.refresh()).ok);
    assert.notEqual(stored(storage).refreshToken, before.refreshToken);
    assert.equal(reloaded.state.offline, false);
    assert.ok((await reloaded.me()).ok);
  });

  test('a client that was offline refreshes by itself when the network is back', async (t) => {
    const client = create(t);
    await signIn(server, client);
    proxy.fault = 'refuse';
    await client.refresh();
    assert.equal(client.state.offline, true);
    proxy.fault = undefined;
    await until(() => !client.state.offline, 'a retry');
    assert.equal(client.state.status, 'signedIn');
  });

  test('a forged refresh token ends the session', async (t) => {
    const storage = memoryStorage();
    await signIn(server, create(t, { storage }));
    change(storage, { ...EXPIRED, refreshToken: 'slr_forged' });
    const client = create(t, { storage });
    assert.equal(await client.accessToken(), undefined);
    assert.deepEqual([client.state.status, client.state.reason], ['signedOut', 'ended']);
    // The end is stored.
    assert.equal(create(t, { storage }).state.status, 'signedOut');
  });

  test('two clients with one storage agree', async (t) => {
    const storage = memoryStorage();
    const first = create(t, { storage });
    await signIn(server, first);
    const second = create(t, { storage });
    assert.equal(second.state.status, 'signedIn');

    // Both refresh at the same time, again and again. Without an agreement, a used token would end the session.
    for (let round = 0; round < 5; round += 1) {
      const [one, two] = await Promise.all([first.refresh(), second.refresh()]);
      assert.ok(one.ok && two.ok);
      assert.equal(one.accessToken, two.accessToken);
    }
    assert.equal(proxy.operations.filter((name) => name === 'Refresh').length, 5);

    await first.logout();
    assert.equal((await second.refresh()).ok, false);
    assert.deepEqual([second.state.status, second.state.reason], ['signedOut', 'signedOut']);
  });

  test('a refresh that is answered after the user signed out starts nothing', async (t) => {
    const storage = memoryStorage();
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const client = create(t, {
      storage,
      async fetch(url, init) {
        const response = await globalThis.fetch(url, init);
        if (init.body.includes('mutation Refresh')) await held;
        return response;
      },
    });
    await signIn(server, client);
    const refreshed = client.refresh();
    await until(() => proxy.operations.includes('Refresh'), 'the refresh');
    await client.logout();
    release();
    assert.equal((await refreshed).ok, false);
    assert.deepEqual([client.state.status, stored(storage)], ['signedOut', 'signedOut']);
  });

  const full = () => {
    throw new Error('The quota is exceeded.');
  };
  for (const [name, setItem] of [['is full', full], ['loses everything', () => undefined]] as const) {
    test(`a storage that ${name} costs only the reload`, { timeout: 10_000 }, async (t) => {
      const client = create(t, { storage: { getItem: () => null, setItem } });
      await signIn(server, client);
      assert.ok((await client.refresh()).ok);
      assert.ok((await client.refresh()).ok);
      assert.ok((await client.me()).ok);
    });
  }

  test('an asynchronous storage is read before the first request', async (t) => {
    const inner = memoryStorage();
    await signIn(server, create(t, { storage: inner }));
    const storage: SmsLoginStorage = {
      getItem: async (key) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return inner.getItem(key);
      },
      setItem: async (key, value) => void inner.setItem(key, value),
      shared: false,
    };
    const client = create(t, { storage });
    assert.equal(client.state.status, 'starting');
    const me = await client.me();
    assert.ok(me.ok && me.user);
    assert.equal(client.state.status, 'signedIn');
  });

  test('fetch and graphql send the token, and repeat a rejected request', async (t) => {
    const storage = memoryStorage();
    await signIn(server, create(t, { storage }));
    change(storage, { accessToken: 'rejected' });
    const client = create(t, { storage });
    const body = JSON.stringify({ query: '{ me { id } }' });
    const response = await client.fetch(proxy.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    assert.match(await response.text(), /"id"/);
    const { data, errors } = await client.graphql('query Own { me { phone } }');
    assert.equal(errors, undefined);
    assert.ok((data?.['me'] as { phone: string }).phone);
  });
});

describe('delivery', () => {
  for (const [name, isBlocked] of [['a WebSocket', false], ['polling, if WebSockets are blocked', true]] as const) {
    test(`is reported over ${name}`, async (t) => {
      const client = create(t, { WebSocket: WebSocket as never });
      proxy.blocksSockets = isBlocked;
      proxy.sockets = 0;
      const sent = await client.requestCode({ phone: freshPhone() });
      assert.ok(sent.ok);
      const seen: Delivery[] = [];
      client.delivery(sent.challenge.challengeId, (delivery) => seen.push(delivery));
      await until(() => seen.length > 0, 'a status');
      assert.match(seen.at(-1)!.status, /QUEUED|ACCEPTED|DELIVERED/);
      assert.equal(proxy.sockets, isBlocked ? 0 : 1);
      assert.equal(proxy.operations.includes('Delivery'), isBlocked);
    });
  }
});
