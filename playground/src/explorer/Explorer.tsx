// Runs operations of the API: ready ones for every field, which pass their results on to each other. It is loaded when the
// view opens: its editors are large.
import { json, jsonParseLinter } from '@codemirror/lang-json';
import { linter } from '@codemirror/lint';
import { graphql } from 'cm6-graphql';
import { buildSchema } from 'graphql';
import { useContext, useEffect, useEffectEvent, useRef, useState, useSyncExternalStore } from 'react';
import { useSmsLogin } from 'sms-login/react';
import sdl from '../../../schema.graphql?raw';
import { client, refreshToken } from '../client';
import { useLanguage } from '../i18n';
import { useInbox } from '../inbox/inbox';
import { InboxPanel } from '../inbox/InboxPanel';
import { messageAfter, newestId } from '../inbox/messages';
import { FieldError, Heading } from '../parts';
import { ServerContext } from '../server';
import { type Carried, carryOn } from './carry';
import { Docs } from './Docs';
import { Editor } from './Editor';
import { type Kind, OPERATIONS } from './operations';
import { readRequest, run } from './run';
import * as store from './store';
import './explorer.css';

const SCHEMA = buildSchema(sdl);
const GRAPHQL = graphql(SCHEMA);
const JSON_LANGUAGE = json();
const JSON_INPUT = [json(), linter((view) => (view.state.doc.toString().trim() === '' ? [] : jsonParseLinter()(view)))];
const KINDS: Kind[] = ['mutation', 'query', 'subscription'];

export default function Explorer() {
  const { t } = useLanguage();
  const server = useContext(ServerContext);
  const texts = useSyncExternalStore(store.subscribe, store.getTexts);
  const { start, stop, running, mistake, took } = useRun();
  useFollowPage();
  useOffer();
  const response = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a narrow screen the response is below the editors.
    if (took !== undefined) response.current?.scrollIntoView({ block: 'nearest' });
  }, [took]);

  const { active } = texts;
  const purpose = OPERATIONS.find(({ name }) => name === active)?.purpose;
  return (
    <div className="explorer">
      <main id="content" className="explorer-main">
        <Heading className="sr-only">{t.explorer.heading}</Heading>
        <Operations active={active} />
        <div className="explorer-editors">
          <div className="explorer-bar">
            <button type="button" className="button-fill" onClick={running ? stop : start} data-busy={running}>
              {running ? t.explorer.stop : t.explorer.run}
            </button>
            {purpose && (
              <button type="button" onClick={() => store.requestCodeFor(purpose)}>
                {t.explorer.requestCode}
              </button>
            )}
          </div>
          <FieldError id="explorer-mistake" sentence={mistake} />
          <Part label={t.explorer.operation}>
            <Editor
              label={t.explorer.operation}
              text={texts.queries[active] ?? ''}
              language={GRAPHQL}
              onChange={store.setQuery}
              onRun={start}
            />
          </Part>
          <Part label={t.explorer.variables}>
            <Editor
              label={t.explorer.variables}
              text={texts.variables[active] ?? ''}
              language={JSON_INPUT}
              onChange={store.setVariables}
              onRun={start}
            />
          </Part>
          <Part label={t.explorer.headers}>
            <Editor
              label={t.explorer.headers}
              text={texts.headers}
              language={JSON_INPUT}
              onChange={(headers) => store.change({ headers })}
              onRun={start}
            />
            <p className="muted small" role="status">
              {/authorization/i.test(texts.headers) ? t.explorer.signedIn : t.explorer.signedOut}
            </p>
          </Part>
        </div>
        <div className="explorer-response" ref={response}>
          <Part label={t.explorer.response}>
            <Editor label={t.explorer.response} text={texts.response} language={JSON_LANGUAGE} />
            <p className="muted small" role="status">
              {took !== undefined && t.explorer.answered(took)}
            </p>
          </Part>
        </div>
      </main>
      <div className="explorer-side">
        {server.inbox && <InboxPanel />}
        <Docs schema={SCHEMA} />
      </div>
    </div>
  );
}

function Operations({ active }: { active: string }) {
  const { t } = useLanguage();
  return (
    <nav className="operations" aria-label={t.explorer.operations}>
      {KINDS.map((kind) => (
        <div key={kind}>
          <h2>{t.explorer[kind]}</h2>
          <ul lang="en">
            {OPERATIONS.filter((operation) => operation.kind === kind).map(({ name }) => (
              <li key={name}>
                <button
                  type="button"
                  aria-current={name === active || undefined}
                  onClick={() => store.change({ active: name })}
                >
                  {name}
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function Part({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <section className="part" aria-label={label}>
      <h2 aria-hidden="true">{label}</h2>
      {children}
    </section>
  );
}

/** Runs the active operation, one at a time, and carries its results on. */
function useRun() {
  const { t, sms } = useLanguage();
  const { look } = useInbox();
  const [running, setRunning] = useState<AbortController>();
  const [mistake, setMistake] = useState<string>();
  const [took, setTook] = useState<number>();
  const latest = useRef<AbortController>(undefined);
  useEffect(() => () => latest.current?.abort(), []);

  const start = async () => {
    if (running) return;
    const { active, queries, variables, headers } = store.getTexts();
    setMistake(undefined);
    setTook(undefined);
    let request: ReturnType<typeof readRequest>;
    try {
      request = readRequest(queries[active] ?? '', variables[active] ?? '', headers);
    } catch {
      return setMistake(t.explorer.badJson);
    }

    const abort = new AbortController();
    latest.current = abort;
    setRunning(abort);
    try {
      const before = newestId(await look());
      const own = refreshToken();
      const started = performance.now();
      let result: unknown;
      const onResult = (next: unknown) => {
        result = next;
        setTook(Math.round(performance.now() - started));
        store.change({ response: JSON.stringify(next, null, 2) });
      };
      await run(request, onResult, abort.signal);
      const carried = carryOn(result, request.variables);
      const message = carried.challenge && messageAfter(before, carried.challenge.phone ?? '', await look());
      // If the operation ended the session of the account view, that view learns it here.
      if (carried.accessToken === null && store.isPageToken(headers)) await client.refresh();
      await shareSession(carried, own);
      store.apply(carried, message ? [message.id] : []);
    } catch {
      if (!abort.signal.aborted) setMistake(sms.problems.NETWORK);
    } finally {
      setRunning(undefined);
    }
  };
  return { start: () => void start(), stop: () => running?.abort(), running: running !== undefined, mistake, took };
}

/** Signs in the account view, and gives it the new tokens if the operation has used its refresh token `own`. */
async function shareSession({ session, rotated }: Carried, own: string | undefined): Promise<void> {
  const { user } = client.state;
  if (session) await client.start(session);
  else if (rotated && user && rotated.used === own) await client.start({ ...rotated.tokens, user });
}

/** Puts the token of the account view into the headers, and replaces it when a new one is issued. */
function useFollowPage() {
  const { accessToken } = useSmsLogin();
  useEffect(() => store.followPage(), [accessToken]);
}

/** Offers the inbox's codes. A code that the user picks goes into the operation that uses it. */
function useOffer() {
  const { setOffer, messages } = useInbox();
  const { challenges } = useSyncExternalStore(store.subscribe, store.getTexts);
  const use = useEffectEvent((id: number, code: string) => {
    const challenge = challenges.find((one) => one.messages.includes(id));
    if (!challenge) return;
    store.fill(challenge.operation, { 'input.code': code });
    store.change({ active: challenge.operation });
  });
  useEffect(() => {
    const valid = challenges.filter(({ expiresAt }) => client.localTime(expiresAt) > Date.now());
    setOffer({ ids: valid.flatMap(({ messages: ids }) => ids), use: ({ id, code }) => use(id, code) });
    return () => setOffer(undefined);
  }, [challenges, messages, setOffer]);
}
