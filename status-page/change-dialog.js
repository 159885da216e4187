// @ts-check

import { Refusal } from './control-api.js';
import { byId, element, proseOf } from './elements.js';

/** @typedef {import('./elements.js').Content} Content */

/**
 * What is about to be changed, for whoever is asked whether they mean it.
 *
 * @typedef {object} Change
 * @property {string} title
 * @property {readonly Content[]} text What follows from it.
 * @property {string} verb On the button.
 * @property {(token: string | undefined) => Promise<void>} carryOut Rejects with Refusal.
 * @property {string} done Said when it is.
 */

/** Asks before anything is changed, for the token where one is needed, and says in words why something was refused. */
export class ChangeDialog {
  /** In memory only: it is gone with the page. @type {string | undefined} */
  #token;
  /** @type {(text: string) => void} */
  #notify;
  /** @type {(holds: boolean) => void} */
  #tokenChanged;
  #dialog = /** @type {HTMLDialogElement} */ (byId('dialog'));

  /**
   * @param {{ notify: (text: string) => void, tokenChanged: (isHeld: boolean) => void }} parts
   */
  constructor({ notify, tokenChanged }) {
    this.#notify = notify;
    this.#tokenChanged = tokenChanged;
  }

  forgetToken() {
    this.#keepToken(undefined);
    this.#notify('The token is forgotten.');
  }

  /** @param {Change} change */
  ask(change) {
    const form = element('form', { method: 'dialog' });
    const answer = element('div', { class: 'answer', role: 'alert' });
    const tokenField = element('input', {
      type: 'password',
      id: 'dialog-token',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-describedby': 'dialog-token-hint',
    });
    const tokenPart = element(
      'div',
      { class: 'token', hidden: true },
      element('label', { for: 'dialog-token' }, 'Token'),
      tokenField,
      element(
        'p',
        { class: 'hint', id: 'dialog-token-hint' },
        ...proseOf('The content of `http.token-file`. It is kept until this page is closed or loaded again.'),
      ),
    );
    const cancel = element('button', { type: 'button' }, 'Cancel');
    const carryOut = element('button', { type: 'submit', class: 'danger' }, change.verb);
    form.append(
      element('h2', { id: 'dialog-title' }, change.title),
      element('div', { id: 'dialog-text' }, ...change.text),
      tokenPart,
      answer,
      element('div', { class: 'buttons' }, cancel, carryOut),
    );
    cancel.addEventListener('click', () => this.#dialog.close());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const typed = tokenField.value.trim();
      if (!tokenPart.hidden && typed === '') {
        answer.replaceChildren(element('p', {}, 'Type the token.'));
        tokenField.focus();
        return;
      }
      if (typed !== '') this.#token = typed;
      carryOut.disabled = true;
      answer.replaceChildren();
      change.carryOut(this.#token).then(
        () => {
          this.#keepToken(this.#token);
          this.#dialog.close();
          this.#notify(change.done);
        },
        (/** @type {unknown} */ error) => {
          carryOut.disabled = false;
          const refusal = error instanceof Refusal ? error : undefined;
          if (refusal?.code === 'token-required') {
            this.#keepToken(undefined);
            const wasWrong = typed !== '';
            tokenPart.hidden = false;
            tokenField.value = '';
            if (wasWrong) answer.replaceChildren(...refusalWords(refusal));
            tokenField.focus();
            return;
          }
          answer.replaceChildren(...refusalWords(refusal));
          if (refusal?.code === 'changes-not-allowed') carryOut.hidden = true;
          if (carryOut.hidden) cancel.focus();
          cancel.textContent = 'Close';
        },
      );
    });
    this.#dialog.replaceChildren(form);
    this.#dialog.showModal();
    cancel.focus();
  }

  /** @param {string | undefined} token */
  #keepToken(token) {
    this.#token = token;
    this.#tokenChanged(token !== undefined);
  }
}

/**
 * @param {Refusal | undefined} refusal Undefined: there was no answer at all.
 * @returns {readonly HTMLElement[]}
 */
function refusalWords(refusal) {
  if (refusal === undefined) {
    return [
      element('p', { class: 'refused' }, 'bootd did not answer.'),
      element('p', {}, 'Whether it was done is not known: look again when the connection is back.'),
    ];
  }
  const title = REFUSALS.get(refusal.code ?? '') ?? `bootd refused (${refusal.status}).`;
  return [element('p', { class: 'refused' }, title), element('p', {}, ...proseOf(refusal.message))];
}

const REFUSALS = new Map([
  ['token-required', 'Refused: this is not the token.'],
  ['changes-not-allowed', 'Refused: nothing may be changed over this address.'],
  ['precondition-failed', 'Refused: somebody changed it meanwhile. Look again, and decide again.'],
  ['not-kept', 'Not done: bootd could not write it to its disk.'],
]);
