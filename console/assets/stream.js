// The live stream, shared by all pages of a browser: it has six connections to a server at the
// most, and a stream for each page would leave none for the pages themselves. One page holds the
// stream, as long as it is open, and passes on what it hears; then another one does.
(() => {
  "use strict";
  // Without these, each page has a stream of its own.
  if (!window.htmx || !navigator.locks || !window.BroadcastChannel) return;
  const NAME = "allot-stream";
  const AGAIN_FIRST = 1000;
  const AGAIN_LAST = 60000;

  // To a page it is an EventSource.
  class SharedStream extends EventTarget {
    constructor(url) {
      super();
      this.url = url;
      this.readyState = EventSource.CONNECTING;
      this.heard = new URL(url, location.href).searchParams.get("of").split(",");
      this.channel = new BroadcastChannel(NAME);
      this.channel.onmessage = (message) => this.take(message.data);
      // Whoever holds the stream may not hear yet what this page does.
      this.channel.postMessage({ hears: this.heard });
      this.waiting = new AbortController();
      navigator.locks.request(NAME, { signal: this.waiting.signal }, () => this.hold()).catch(() => {});
    }

    hold() {
      this.again = AGAIN_FIRST;
      this.wanted = new Set(this.heard);
      this.connect();
      return new Promise((release) => { this.release = release; });
    }

    connect() {
      clearTimeout(this.retry);
      this.source?.close();
      const of = [...this.wanted].sort().join(",");
      const source = new EventSource(`/events?of=${of}`);
      this.source = source;
      source.onopen = () => {
        this.again = AGAIN_FIRST;
        this.pass({ is: "open" });
      };
      source.onerror = () => {
        this.pass({ is: "lost" });
        if (source !== this.source || source.readyState !== EventSource.CLOSED) return;
        // It was refused, and a browser does not ask again by itself.
        this.retry = setTimeout(() => this.connect(), this.again);
        this.again = Math.min(2 * this.again, AGAIN_LAST);
      };
      for (const name of this.wanted) source.addEventListener(name, () => this.pass({ changed: name }));
    }

    pass(said) {
      this.channel.postMessage(said);
      this.tell(said);
    }

    // What another page says.
    take(said) {
      if (!said.hears) return this.tell(said);
      if (!this.source) return;
      const others = said.hears.filter((name) => !this.wanted.has(name));
      for (const name of others) this.wanted.add(name);
      if (others.length > 0) this.connect();
      else if (this.source.readyState === EventSource.OPEN) this.channel.postMessage({ is: "open" });
    }

    tell(said) {
      const { readyState } = this;
      if (said.is === "lost") {
        this.readyState = EventSource.CONNECTING;
        this.onerror?.(new Event("error"));
      } else if (said.is === "open") {
        this.readyState = EventSource.OPEN;
        if (readyState === EventSource.OPEN) return;
        this.onopen?.(new Event("open"));
        // What changed since this page was made; the stream itself begins with it.
        if (!this.source) for (const name of this.heard) this.changed(name);
      } else if (this.heard.includes(said.changed)) {
        this.changed(said.changed);
      }
    }

    changed(name) {
      this.dispatchEvent(new MessageEvent(name, { data: "changed" }));
    }

    close() {
      clearTimeout(this.retry);
      this.waiting.abort();
      this.source?.close();
      this.channel.close();
      this.release?.();
      this.readyState = EventSource.CLOSED;
    }
  }

  window.htmx.createEventSource = (url) => new SharedStream(url);
})();
