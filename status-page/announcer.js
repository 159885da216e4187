// @ts-check

import { byId } from './elements.js';

/** Screen readers are told at most so often: what comes meanwhile is told together. */
const PAUSE_MS = 5000;
const WAITING_MAX = 3;

/** Tells screen readers what matters, politely; what was just done also stands in the notice for everybody. */
export class Announcer {
  #region = byId('announcer');
  #notice = byId('notice');
  /** @type {string[]} */
  #waiting = [];
  #isPausing = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hiding;

  /** @param {string} text */
  announce(text) {
    this.#waiting.push(text);
    if (!this.#isPausing) this.#speak();
  }

  /**
   * Says it and shows it for a while.
   *
   * @param {string} text
   */
  notify(text) {
    this.#region.textContent = text;
    this.#notice.textContent = text;
    this.#notice.hidden = false;
    clearTimeout(this.#hiding);
    this.#hiding = setTimeout(() => (this.#notice.hidden = true), 2 * PAUSE_MS);
  }

  #speak() {
    const more = this.#waiting.length - WAITING_MAX;
    const words = this.#waiting.slice(0, WAITING_MAX);
    this.#waiting = [];
    this.#isPausing = words.length > 0;
    if (words.length === 0) return;
    this.#region.textContent = [...words, ...(more > 0 ? [`${more} more`] : [])].join('. ');
    setTimeout(() => this.#speak(), PAUSE_MS);
  }
}
