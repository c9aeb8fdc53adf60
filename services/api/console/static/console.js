"use strict";

// Live figures: the server says what changed, this puts it in its place. Without it every page works, and stands still.
(() => {
  const path = document.body.dataset.live;
  if (!path || !window.EventSource) return;

  const AGAIN_MS = 10000; // after an answer that was no stream, which a browser does not ask for again by itself
  const own = window.trustedTypes ? trustedTypes.createPolicy("console", { createHTML: (html) => html }) : null;
  const note = document.getElementById("live");
  const said = document.getElementById("said");

  const put = (id, html) => {
    const place = document.getElementById(id);
    if (place) place.innerHTML = own ? own.createHTML(html) : html;
    else showNewer();
  };

  const showNewer = () => {
    const newer = document.getElementById("newer");
    if (newer) newer.hidden = false;
  };

  const show = (flag, whether) => {
    for (const each of document.querySelectorAll(`[data-if="${flag}"]`)) {
      // Whoever stands on a button that goes must not fall to the top of the page.
      if (!whether && each.contains(document.activeElement)) document.getElementById("content").focus();
      each.hidden = !whether;
    }
  };

  const tell = (words, state) => {
    if (!note) return;
    note.textContent = words;
    note.dataset.state = state;
  };

  let source = null;
  let waiting = null;

  const watch = () => {
    clearTimeout(waiting);
    if (source || document.hidden) return;
    source = new EventSource(path);
    source.addEventListener("open", () => tell("Live", "on"));
    source.addEventListener("figures", (event) => {
      const news = JSON.parse(event.data);
      for (const [id, html] of Object.entries(news.regions || {})) put(id, html);
      for (const [flag, whether] of Object.entries(news.flags || {})) show(flag, whether);
      if (news.said && said && said.textContent !== news.said) said.textContent = news.said;
    });
    source.addEventListener("over", () => {
      rest();
      location.reload();
    });
    source.addEventListener("error", () => {
      tell("Figures stand still; connecting again…", "off");
      if (source.readyState !== EventSource.CLOSED) return;
      rest();
      waiting = setTimeout(watch, AGAIN_MS);
    });
  };

  const rest = () => {
    if (source) source.close();
    source = null;
  };

  // A browser has few connections to one host: a page that nobody sees takes none.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : watch()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", watch);
  watch();
})();
