// A code editor. The Tab key leaves it, so that the keyboard is not trapped.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.bool, tags.null], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.number], color: 'var(--code-value)' },
  { tag: [tags.propertyName, tags.attributeName], color: 'var(--code-name)' },
  { tag: [tags.typeName, tags.variableName, tags.atom], color: 'var(--code-type)' },
  { tag: tags.comment, color: 'var(--muted)' },
]);

const COMMON: Extension[] = [syntaxHighlighting(COLOURS), bracketMatching(), EditorView.lineWrapping];
const WRITABLE: Extension[] = [
  history(),
  autocompletion(),
  indentOnInput(),
  closeBrackets(),
  keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
];

interface Props {
  label: string;
  text: string;
  /** The language. It must be the same object in every render. */
  language: Extension;
  /** Undefined for a text that is only read. */
  onChange?: (text: string) => void;
  /** Runs the operation. */
  onRun?: () => void;
}

export function Editor({ label, text, language, onChange, onRun }: Props) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ onChange, onRun, text });
  useEffect(() => {
    latest.current = { onChange, onRun, text };
  });
  const readOnly = !onChange;

  useEffect(() => {
    if (!parent.current) return;
    const runKey = keymap.of([{ key: 'Mod-Enter', run: () => (latest.current.onRun?.(), true) }]);
    const editor = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          runKey,
          readOnly ? EditorState.readOnly.of(true) : WRITABLE,
          COMMON,
          language,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) latest.current.onChange?.(state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, language, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  return <div ref={parent} className="editor" />;
}
