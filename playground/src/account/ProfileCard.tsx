import { useId, useRef, useState } from 'react';
import type { User } from 'sms-login';
import { formatPhone, useAction, useSmsLogin } from 'sms-login/react';
import { ownPicture } from '../avatar';
import { useLanguage } from '../i18n';
import { formatDate } from '../i18n/format';
import { Avatar, FieldError, Heading, Note, ProblemNote } from '../parts';

export function ProfileCard({ me }: { me: User }) {
  const { t, locale } = useLanguage();
  const { client } = useSmsLogin();
  const [editing, setEditing] = useState(false);
  const [saved, setSaved] = useState(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const leave = useAction(() => client.logout());
  const close = () => {
    setEditing(false);
    requestAnimationFrame(() => editButton.current?.focus());
  };
  return (
    <section className="card" aria-labelledby="profile-heading">
      <div className="profile">
        <Avatar url={me.avatar} name={me.name} size={64} />
        <div className="profile-text">
          <Heading id="profile-heading" className={me.name ? '' : 'unnamed'}>
            {me.name || t.account.unnamed}
          </Heading>
          <p className="profile-phone">{me.phone && formatPhone(me.phone)}</p>
          <p className="muted small">{t.account.since(formatDate(me.createdAt, locale))}</p>
        </div>
      </div>
      {saved && !editing && <Note>{t.account.saved}</Note>}
      {editing ? (
        <ProfileForm
          me={me}
          onCancel={close}
          onSaved={() => {
            setSaved(true);
            close();
          }}
        />
      ) : (
        <div className="row">
          <button
            type="button"
            ref={editButton}
            onClick={() => {
              setSaved(false);
              setEditing(true);
            }}
          >
            {t.account.edit}
          </button>
          <button type="button" aria-disabled={leave.busy} onClick={() => void leave.run()}>
            {t.account.signOut}
          </button>
        </div>
      )}
    </section>
  );
}

interface FormProps {
  me: User;
  onCancel: () => void;
  onSaved: () => void;
}

/** The limits of the server. */
const MAX_NAME = 32;
const MAX_AVATAR = 512;

/** Returns how many characters a reader sees. */
function characters(text: string): number {
  return [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].length;
}

function ProfileForm({ me, onCancel, onSaved }: FormProps) {
  const { t } = useLanguage();
  const { client } = useSmsLogin();
  const id = useId();
  // A picture of the server is the default: there is nothing to edit.
  const shownAvatar = ownPicture(me.avatar) ? '' : me.avatar;
  const [name, setName] = useState(me.name);
  const [avatar, setAvatar] = useState(shownAvatar);
  const [checked, setChecked] = useState(false);
  const save = useAction(() => {
    // An empty text removes the name or the picture.
    const changes = { ...(name !== me.name && { name: name.trim() }), ...(avatar !== shownAvatar && { avatar: avatar.trim() }) };
    return client.updateProfile(changes);
  }, onSaved);

  const { errors } = t;
  const length = characters(name.trim());
  const refused = save.problem?.code === 'BAD_INPUT' ? save.problem.field : undefined;
  const nameMistake =
    length > MAX_NAME ? errors.nameTooLong(length, MAX_NAME) : refused === 'input.name' ? errors.badName : undefined;
  const avatarMistake =
    avatar.trim().length > MAX_AVATAR
      ? errors.avatarTooLong(avatar.trim().length, MAX_AVATAR)
      : refused === 'input.avatar' || (avatar.trim() !== '' && !avatar.trim().startsWith('https://'))
        ? errors.badAvatar
        : undefined;
  const mistakes = checked ? { name: nameMistake, avatar: avatarMistake } : {};
  const isField = refused === 'input.name' || refused === 'input.avatar';

  return (
    <form
      noValidate
      className="form-inline"
      onSubmit={(event) => {
        event.preventDefault();
        setChecked(true);
        save.clear();
        if (length <= MAX_NAME && (!avatarMistake || refused)) void save.run();
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-name`}>{t.account.name}</label>
        <input
          id={`${id}-name`}
          autoComplete="nickname"
          autoFocus
          value={name}
          aria-invalid={mistakes.name !== undefined}
          aria-describedby={`${id}-name-hint ${id}-name-mistake`}
          onChange={(event) => {
            setName(event.target.value);
            save.clear();
          }}
        />
        <p className="muted small" id={`${id}-name-hint`}>
          {t.account.nameHint}
        </p>
        <FieldError id={`${id}-name-mistake`} sentence={mistakes.name} />
      </div>
      <div className="field">
        <label htmlFor={`${id}-avatar`}>{t.account.avatar}</label>
        <input
          id={`${id}-avatar`}
          type="url"
          inputMode="url"
          autoComplete="photo"
          placeholder="https://"
          value={avatar}
          aria-invalid={mistakes.avatar !== undefined}
          aria-describedby={`${id}-avatar-hint ${id}-avatar-mistake`}
          onChange={(event) => {
            setAvatar(event.target.value);
            save.clear();
          }}
        />
        <p className="muted small" id={`${id}-avatar-hint`}>
          {t.account.avatarHint}
        </p>
        <FieldError id={`${id}-avatar-mistake`} sentence={mistakes.avatar} />
      </div>
      <ProblemNote problem={isField ? undefined : save.problem} />
      <div className="row">
        <button type="submit" className="button-fill" aria-disabled={save.busy} data-busy={save.busy}>
          {t.account.save}
        </button>
        <button type="button" onClick={onCancel}>
          {t.account.cancel}
        </button>
      </div>
    </form>
  );
}
