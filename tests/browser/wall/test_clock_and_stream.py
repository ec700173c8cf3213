"""The estimate of the time at the event, and the live stream, with clocks and connections moved by hand."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]

#: Clocks and streams that a test moves by hand.
BY_HAND = """
  window.made = (async () => {
    const [{ EventClock }, { Live }, { Countdown }] = await Promise.all(
      ['clock', 'live', 'countdown'].map((name) => import(`/assets/time/${name}.js`)));
    const hand = { mono: 0, wall: 1e12, event: 1e12, there: 10, back: 10, reached: true };
    hand.pass = (ms) => { hand.mono += ms; hand.wall += ms; hand.event += ms; };
    hand.ask = async () => {
      if (!hand.reached) throw new Error('not reached');
      hand.pass(hand.there);
      const now = new Date(hand.event).toISOString();
      hand.pass(hand.back);
      return { now };
    };
    const clock = new EventClock({ ask: hand.ask, mono: () => hand.mono, wall: () => hand.wall });
    return { hand, clock, Live, Countdown };
  })();
"""


@pytest.fixture
def by_hand(open_page: OpenPage) -> Page:
    page = open_page("/")
    page.evaluate(f"() => {{ {BY_HAND} }}")
    return page


def test_older_samples_that_contradict_a_newer_one_are_dropped(by_hand: Page) -> None:
    wrong = by_hand.evaluate(
        """async () => {
          const { hand, clock } = await made;
          await clock.sync(3);
          // The clock of the service is set, and the network has become worse: the old samples have smaller bounds.
          hand.event += 10000;
          hand.there = hand.back = 30;
          hand.pass(30000);
          await clock.sync(2);
          return clock.now() - hand.event;
        }"""
    )
    assert abs(wrong) <= 30


def test_a_first_sample_as_wrong_as_can_be_does_not_make_time_go_back(by_hand: Page) -> None:
    seen = by_hand.evaluate(
        """async () => {
          const { hand, clock } = await made;
          const seen = [];
          const look = () => seen.push(clock.now());
          Object.assign(hand, { there: 50, back: 3900 });
          await clock.sync(1);
          look();
          Object.assign(hand, { there: 3900, back: 50 });
          await clock.sync(1);
          look();
          Object.assign(hand, { there: 10, back: 10 });
          await clock.sync(1);
          for (let n = 0; n < 30; n += 1) { look(); hand.pass(100); }
          look();
          return [seen, clock.now() - hand.event];
        }"""
    )
    times, wrong = seen
    assert times == sorted(times)
    assert abs(wrong) <= 10


def test_a_wall_clock_set_back_and_right_again_while_offline_moves_nothing(by_hand: Page) -> None:
    wrong = by_hand.evaluate(
        """async () => {
          const { hand, clock } = await made;
          await clock.sync(3);
          hand.reached = false;
          for (const step of [-3600000, 3600000]) {
            hand.wall += step;
            hand.pass(1000);
            clock.now();
            await clock.sync(1);
          }
          return clock.now() - hand.event;
        }"""
    )
    assert abs(wrong) <= 10


def test_a_stream_that_died_without_a_word_is_opened_again(by_hand: Page) -> None:
    told = by_hand.evaluate(
        """async () => {
          const { hand, Live } = await made;
          const streams = [], states = [];
          const open = () => {
            const stream = new EventTarget();
            stream.close = () => (stream.closed = true);
            streams.push(stream);
            return stream;
          };
          const state = (on) => states.push(on);
          const live = new Live({ url: '', ask: async () => [], take: () => {}, open, state, mono: () => hand.mono });
          live.connect();
          streams[0].onopen();
          hand.mono += 30000;
          streams[0].dispatchEvent(new MessageEvent('still-here', { data: '{}' }));
          hand.mono += 30000;
          live.listen();
          const quiet = streams[0].closed ?? false;
          hand.mono += 6000;
          live.listen();
          const look = (yes) => (streams.length > 1 ? yes() : setTimeout(look, 10, yes));
          await new Promise(look);
          live.close();
          return [quiet, streams[0].closed, states];
        }"""
    )
    assert told == [False, True, [True, False]]
