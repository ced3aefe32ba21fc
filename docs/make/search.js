// The search of the documentation. search_index.js has the parts of all pages: [link, title of the page, heading, text].
// A part is found if it has every word, or a word that begins so. Words in headings count more than those in texts, rare
// words more than frequent ones, and pages at the beginning of the table of contents more than those at its end.
"use strict";

(function () {
  const HITS_MAX = 12;
  const SNIPPET_SIZE = 150;
  const TITLE_COUNTS = 12, HEADING_COUNTS = 8, TEXT_COUNTS_MAX = 4;

  const root = document.body.dataset.root;
  const input = document.querySelector(".search input");
  const list = document.querySelector(".search ol");

  const parts = window.search_index.map(([link, title, heading, text]) => ({
    link, title, heading, text,
    fields: [title.toLowerCase(), heading.toLowerCase(), text.toLowerCase()],
  }));

  const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter((word) => word !== "");

  // A pattern that finds the word at the beginning of a word, or of a part of a name such as query_options.
  const patternOf = (word) =>
    new RegExp("(?<![\\p{L}\\p{N}])" + word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gu");

  const countIn = (text, pattern) => (text.match(pattern) || []).length;

  // What a part scores for one word; 0: it does not have it.
  function scoreOf(part, pattern) {
    const [title, heading, text] = part.fields;
    return (countIn(title, pattern) > 0 ? TITLE_COUNTS : 0) + (countIn(heading, pattern) > 0 ? HEADING_COUNTS : 0) +
      Math.min(countIn(text, pattern), TEXT_COUNTS_MAX);
  }

  function search(query) {
    const scores = parts.map(() => 0);
    for (const word of wordsOf(query)) {
      const pattern = patternOf(word);
      const ofWord = parts.map((part) => scoreOf(part, pattern));
      const rarity = Math.log(1 + parts.length / (1 + ofWord.filter((score) => score > 0).length));
      ofWord.forEach((score, i) => {
        scores[i] = score > 0 && scores[i] >= 0 ? scores[i] + score * rarity : -1;
      });
    }
    return parts.map((part, i) => ({ part, score: scores[i] * (1 - i / parts.length / 2) })).filter((hit) => hit.score > 0)
      .sort((a, b) => b.score - a.score).slice(0, HITS_MAX).map((hit) => hit.part);
  }

  // The text around the first word, with the words marked, as nodes.
  function snippetOf(part, words) {
    const places = words.map((word) => part.fields[2].search(patternOf(word))).filter((place) => place >= 0);
    const from = Math.max(0, Math.min(...places, part.text.length) - 40);
    const begin = places.length === 0 ? 0 : from;
    const snippet = (begin > 0 ? "…" : "") + part.text.slice(begin, begin + SNIPPET_SIZE);
    const small = document.createElement("small");
    const pattern = new RegExp("(" + words.map((word) => patternOf(word).source).join("|") + ")", "giu");
    snippet.split(pattern).forEach((piece, i) => {
      const node = i % 2 === 1 ? document.createElement("mark") : document.createTextNode("");
      node.textContent = piece;
      small.append(node);
    });
    return small;
  }

  function itemOf(part, words) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const name = document.createElement("b");
    link.href = root + part.link;
    name.textContent = part.heading === "" ? part.title : part.title + " › " + part.heading;
    link.append(name, snippetOf(part, words));
    item.append(link);
    return item;
  }

  function show() {
    const words = wordsOf(input.value);
    list.hidden = words.length === 0;
    list.replaceChildren(...search(input.value).map((part) => itemOf(part, words)));
    if (list.childElementCount === 0) {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = "Nothing has all these words.";
      list.append(none);
    }
  }

  // Moves the selection by `step`, from the input to the first hit.
  function select(step) {
    const items = [...list.querySelectorAll("li:has(a)")];
    const at = items.findIndex((item) => item.ariaSelected === "true");
    const next = Math.max(0, Math.min(items.length - 1, at + step));
    items.forEach((item, i) => { item.ariaSelected = String(i === next); });
    items[next]?.scrollIntoView({ block: "nearest" });
  }

  const keys = {
    ArrowDown: () => select(1),
    ArrowUp: () => select(-1),
    Enter: () => list.querySelector('[aria-selected="true"] a, li a')?.click(),
    Escape: () => { input.value = ""; show(); input.blur(); },
  };

  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("keydown", (event) => {
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  document.addEventListener("click", (event) => {
    list.hidden = list.hidden || !event.target.closest(".search");
  });
})();
