// The age of the data, counted on between two reports, and whether the console can be reached.
// Everything else on a page is written by the server.
(() => {
  "use strict";
  const span = (seconds) =>
    seconds < 120 ? `${seconds} s`
    : seconds < 7200 ? `${Math.floor(seconds / 60)} min`
    : `${Math.floor(seconds / 3600)} h`;

  let shown = null;
  let ahead = 0;
  // What the server said of the data; true until its age or a lost connection says otherwise.
  let said = "";

  const say = (status, word, kind) => {
    const strong = status.querySelector("strong");
    if (strong.textContent !== word) strong.textContent = word;
    status.className = `status ${kind}`;
  };

  const tick = () => {
    const lost = document.body.dataset.offline === "true";
    const offline = document.querySelector(".offline");
    if (offline) offline.hidden = !lost;
    countDown();
    const status = document.querySelector(".status");
    if (status) tickStatus(status, lost);
  };

  const tickStatus = (status, lost) => {
    if (status.dataset.now !== shown) {
      // The console's clock counts, whatever the clock of this machine says.
      shown = status.dataset.now;
      ahead = Date.now() - Number(shown);
      said = status.querySelector("strong").textContent;
    }
    let stale = said === "stale";
    const age = status.querySelector("[data-age]");
    if (age) {
      const millis = Math.max(0, Date.now() - ahead - Number(status.dataset.made));
      age.textContent = span(Math.floor(millis / 1000));
      const old = millis >= Number(status.dataset.stale);
      stale ||= old;
      document.body.dataset.stale = String(old);
    }
    const word = stale ? "stale" : said;
    say(status, lost ? "not renewed" : word, lost && word !== "empty" ? "stale" : word);
  };

  // What ends: orders that are pending, and a quote. At the end the page is asked for again.
  let deskShown = null;
  let deskAhead = 0;
  const ended = new Set();
  const countDown = () => {
    const account = document.getElementById("account");
    if (!account) return;
    if (account.dataset.nowMs !== deskShown) {
      deskShown = account.dataset.nowMs;
      deskAhead = Date.now() - Number(deskShown);
    }
    for (const place of account.querySelectorAll("[data-until-ms]")) {
      const left = Number(place.dataset.untilMs) - (Date.now() - deskAhead);
      place.textContent = left > 0 ? `${Math.ceil(left / 1000)} s` : "0 s";
      place.classList.toggle("bad", left < 10000);
      if (left <= 0 && !ended.has(place.dataset.untilMs)) {
        ended.add(place.dataset.untilMs);
        renew();
      }
    }
  };
  const renew = () => {
    // A page that stays as it is renews its status alone.
    // A page of the desk renews its account, which listens there.
    const live = document.querySelector("#live[hx-get], #status[hx-get]") ?? document.getElementById("live");
    if (live && window.htmx) window.htmx.trigger(live, "allot:renew");
  };
  // What somebody did meanwhile elsewhere, where nothing tells the console of it.
  addEventListener("focus", renew);

  const reached = (is) => { document.body.dataset.offline = String(!is); tick(); };
  document.addEventListener("htmx:sseOpen", () => reached(true));
  document.addEventListener("htmx:sseError", () => {
    reached(false);
    // Where the session has ended, this leads to the log-in.
    renew();
  });
  document.addEventListener("htmx:afterSettle", tick);
  setInterval(tick, 1000);
  tick();
})();
