import { describe, expect, it } from 'vitest';
import { selectContent, type Selection } from '../../../src/services/http-boot-conditions.ts';

const TAG = '"abc"';
const MODIFIED = 'Sun, 22 Nov 2026 10:00:00 GMT';
const BEFORE = 'Sun, 22 Nov 2026 09:59:59 GMT';
const AFTER = 'Sun, 22 Nov 2026 10:00:01 GMT';
// Half a second later than HTTP's dates can say.
const CONTENT = { size: 1000, entityTag: TAG, modifiedAt: Date.parse(MODIFIED) + 500 };

const part = (start: number, end: number): Selection => ({ status: 206, start, end });
const WHOLE: Selection = { status: 200 };

describe('a range', () => {
  it.each<[string, Selection]>([
    ['bytes=0-99', part(0, 99)],
    ['bytes=0-', part(0, 999)],
    ['bytes=999-', part(999, 999)],
    ['bytes=500-5000', part(500, 999)],
    ['bytes=-100', part(900, 999)],
    ['bytes=-5000', part(0, 999)],
    [' Bytes = 1 - 2 ', part(1, 2)],
    ['bytes=1000-', { status: 416 }],
    ['bytes=5000-6000', { status: 416 }],
    ['bytes=-0', { status: 416 }],
    ['bytes=99999999999999999999-', { status: 416 }],
    ['bytes=2-1', WHOLE],
    ['bytes=-', WHOLE],
    ['bytes=a-b', WHOLE],
    ['bytes=0-1,5-6', WHOLE],
    ['pages=1-2', WHOLE],
    ['', WHOLE],
  ])('%j', (range, selection) => {
    expect(selectContent({ range }, CONTENT)).toEqual(selection);
  });

  it.each([
    [TAG, 206],
    [`W/${TAG}`, 200],
    ['"other"', 200],
    [MODIFIED, 206],
    [BEFORE, 200],
    [AFTER, 200],
    ['rubbish', 200],
  ])('with If-Range %s', (ifRange, status) => {
    expect(selectContent({ range: 'bytes=0-9', 'if-range': ifRange }, CONTENT).status).toBe(status);
  });

  it.each([
    ['before its first number', `bytes=${' '.repeat(16_000)}x`],
    ['behind its first number', `bytes=1${' '.repeat(16_000)}x`],
    ['behind its dash', `bytes=1-${' '.repeat(16_000)}x`],
    ['behind its last number', `bytes=1-2${' '.repeat(16_000)}x`],
  ])('that is nothing but spaces %s is read in no time', (_, range) => {
    const durations = Array.from({ length: 5 }, () => {
      const begin = performance.now();
      expect(selectContent({ range }, CONTENT)).toEqual(WHOLE);
      return performance.now() - begin;
    });
    expect(Math.min(...durations)).toBeLessThan(20);
  });

  it('of nothing cannot be satisfied', () => {
    expect(selectContent({ range: 'bytes=0-' }, { ...CONTENT, size: 0 })).toEqual({ status: 416 });
  });
});

describe('a condition', () => {
  it.each([
    [{ 'if-none-match': TAG }, 304],
    [{ 'if-none-match': `"x", W/${TAG}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    // The tag is the more exact word: the date is not looked at.
    [{ 'if-none-match': '"x"', 'if-modified-since': AFTER }, 200],
    [{ 'if-modified-since': MODIFIED }, 304],
    [{ 'if-modified-since': AFTER }, 304],
    [{ 'if-modified-since': BEFORE }, 200],
    [{ 'if-modified-since': 'rubbish' }, 200],
    [{ 'if-match': TAG }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': `W/${TAG}` }, 412],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-unmodified-since': MODIFIED }, 200],
    [{ 'if-unmodified-since': BEFORE }, 412],
    [{ 'if-unmodified-since': 'rubbish' }, 200],
    // What failed outweighs what would not need to be sent.
    [{ 'if-match': '"x"', 'if-none-match': TAG }, 412],
    [{ 'if-none-match': TAG, range: 'bytes=0-9' }, 304],
  ])('%j gets %d', (headers, status) => {
    expect(selectContent(headers, CONTENT).status).toBe(status);
  });

  it('on what has neither tag nor date sends it', () => {
    const rendered = { size: 10, entityTag: undefined, modifiedAt: undefined };
    for (const headers of [{ 'if-none-match': TAG }, { 'if-modified-since': AFTER }]) {
      expect(selectContent(headers, rendered)).toEqual(WHOLE);
    }
    expect(selectContent({ 'if-match': TAG }, rendered)).toEqual({ status: 412 });
  });
});
