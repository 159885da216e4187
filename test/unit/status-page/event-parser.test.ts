import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventParser } from '../../../status-page/event-parser.js';

const STREAM = `retry: 2000

id: run-1
event: lease
data: {"address":"192.168.0.128"}

: still here

event: gap
data: {}

id: run-2
event: boot
data: {"text":"a: b"}

`;

const EVENTS = [
  { type: 'lease', data: { address: '192.168.0.128' } },
  { type: 'gap', data: {} },
  { type: 'boot', data: { text: 'a: b' } },
];

it('reads events, and passes over comments', () => {
  const parser = new EventParser();
  expect(parser.lastId).toBeUndefined();
  expect(parser.receive(STREAM)).toEqual(EVENTS);
  expect(parser.lastId).toBe('run-2');
});

it('reads them in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length)), (cuts) => {
      const parser = new EventParser();
      const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      const pieces = places.slice(1).map((end, index) => STREAM.slice(places[index], end));
      expect(pieces.flatMap((piece) => parser.receive(piece))).toEqual(EVENTS);
    }),
  );
});

it('begins anew after a connection that broke off within an event, and knows where it was', () => {
  const parser = new EventParser();
  parser.receive('id: run-7\nevent: node\ndata: {}\n\nid: run-8\nevent: no');
  parser.startOver();
  expect(parser.receive('id: run-8\nevent: node\ndata: {}\n\n')).toEqual([{ type: 'node', data: {} }]);
  parser.forget();
  expect(parser.lastId).toBeUndefined();
});
