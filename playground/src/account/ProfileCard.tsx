import { useId, useRef, useState } from 'react';
import { mutate } from '../api/client';
import { type ProfileFragment, UpdateProfileDocument } from '../api/generated/operations';
import { signOut } from '../api/session';
import { ownPicture } from '../avatar';
import { useAction } from '../hooks';
import { useLanguage } from '../i18n';
import { formatDate } from '../i18n/format';
import { Avatar, FailureNote, Note } from '../parts';
import { readable } from '../regions';

export function ProfileCard({ me }: { me: ProfileFragment }) {
  const { t, locale } = useLanguage();
  const [editing, setEditing] = useState(false);
  const [saved, setSaved] = useState(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const leave = useAction(signOut);
  const close = () => {
    setEditing(false);
    requestAnimationFrame(() => editButton.current?.focus());
  };
  return (
    <section className="card" aria-labelledby="profile-heading">
      <div className="profile">
        <Avatar url={me.avatar} name={me.name} size={64} />
        <div className="profile-text">
          <h1 id="profile-heading" className={me.name ? '' : 'unnamed'}>
            {me.name || t.account.unnamed}
          </h1>
          <p className="profile-phone">{me.phone && readable(me.phone)}</p>
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
  me: ProfileFragment;
  onCancel: () => void;
  onSaved: () => void;
}

function ProfileForm({ me, onCancel, onSaved }: FormProps) {
  const { t } = useLanguage();
  const id = useId();
  // A picture of the server is the default: there is nothing to edit.
  const shownAvatar = ownPicture(me.avatar) ? '' : me.avatar;
  const [name, setName] = useState(me.name);
  const [avatar, setAvatar] = useState(shownAvatar);
  const save = useAction(async () => {
    const input = { name, ...(avatar === shownAvatar ? {} : { avatar }) };
    await mutate(UpdateProfileDocument, { input });
    onSaved();
  });
  return (
    <form
      noValidate
      className="form-inline"
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-name`}>{t.account.name}</label>
        <input
          id={`${id}-name`}
          autoComplete="nickname"
          autoFocus
          value={name}
          aria-describedby={`${id}-failure`}
          onChange={(event) => setName(event.target.value)}
        />
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
          aria-describedby={`${id}-failure`}
          onChange={(event) => setAvatar(event.target.value)}
        />
      </div>
      <FailureNote failure={save.failure} id={`${id}-failure`} />
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
