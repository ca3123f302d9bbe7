// The live status page: refreshes itself, searches the list, draws the charts. The page is complete without it.
(function () {
  "use strict";

  const page = document.getElementById("slo-status");
  if (!page) return;
  const tools = page.querySelector(".slo-tools");
  const [routine, aloud] = document.getElementById("slo-message").children;
  const pause = document.getElementById("slo-pause");
  const search = document.getElementById("slo-search");
  const unmatched = document.getElementById("slo-unmatched");
  const seconds = Number(page.dataset.refresh) || 15;
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const minute = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  // The signs in numbers: those of the service where it says so (Django's), otherwise the reader's.
  const signs = Object.fromEntries(new Intl.NumberFormat(undefined, { numberingSystem: "latn" })
    .formatToParts(123456.7).map((part) => [part.type, part.value]));
  const { decimal = signs.decimal, thousands = signs.group ?? "" } = page.dataset;
  const local = (text) => text.replace(/[.,]/g, (sign) => (sign === "." ? decimal : thousands));
  let paused = false;
  let running = false;
  let asked = Date.now();
  let plots = [];
  let changes = [];

  const live = () => document.getElementById("slo-live");

  // Tables and the headline have little room: a time of today is written without its date.
  function format(time, instant) {
    if (!time.closest(".slo-cards, .slo-headline")) return full.format(instant);
    const isToday = instant.toDateString() === new Date().toDateString();
    return (isToday ? clock : moment).format(instant);
  }

  function localTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const instant = new Date(time.dateTime);
      if (!time.title && !isNaN(instant)) {
        time.title = time.textContent;
        time.textContent = format(time, instant);
      }
    }
  }

  // What the service wrote as in English; names, labels and definitions stay as they were written.
  function localNumbers(root) {
    if ("decimal" in page.dataset) return;
    for (const place of root.querySelectorAll(".slo-table td, .slo-headline, .slo-summary, .slo-release, .slo-facts section:not(.slo-as-written) dd")) {
      const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode;
        const isOurs = !text.parentElement.closest("a, bdi, code, time");
        if (isOurs) text.data = text.data.replace(/\d{1,3}(,\d{3})+(\.\d+)?|\d+\.\d+/g, local);
      }
    }
  }

  // What a reader looks for: the name, the description, the links and the labels of an SLO, and its states. Not its numbers.
  const sought = (row) => [...row.querySelectorAll("th, .slo-state")].map((part) => part.textContent).join(" ").toLocaleLowerCase();

  function filter() {
    if (!search) return;
    const rows = [...live().querySelectorAll("tr[data-slo]")];
    search.closest("label").hidden = !rows.length;
    const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => sought(row).includes(word));
    const missed = rows.filter((row) => row.hidden);
    live().querySelector(".slo-no-match")?.remove();
    if (rows.length && missed.length === rows.length) {
      const row = rows[0].parentElement.insertRow();
      row.className = "slo-no-match";
      Object.assign(row.insertCell(), { colSpan: rows[0].cells.length, textContent: "No SLO matches." });
    }
    // What pages is never hidden without a word.
    const paging = missed.filter((row) => row.querySelector(".slo-paging")).length;
    const texts = words.length && rows.length ? [rows.length - missed.length + " of " + rows.length + " match."] : [];
    if (paging) texts.push(paging + (paging === 1 ? " SLO that pages does" : " SLOs that page do") + " not match.");
    if (unmatched.textContent !== texts.join(" ")) unmatched.textContent = texts.join(" ");
  }

  // Screen readers announce each change of `aloud`, so routine messages do not go there.
  function show(text, isAloud) {
    const texts = isAloud ? ["", text] : [text, ""];
    [routine, aloud].forEach((place, index) => {
      if (place.textContent !== texts[index]) place.textContent = texts[index];
    });
  }

  function stale(why) {
    page.classList.add("slo-stale");
    show(why + (/[.?!]$/.test(why) ? "" : ".") + " What you see is from " + (page.dataset.fresh || "before") + ".", true);
  }

  function ask(address) {
    const signal = AbortSignal.timeout(seconds * 1000);
    return fetch(address, { cache: "no-store", credentials: "same-origin", signal });
  }

  const reason = (error) => (error.name === "TimeoutError" ? "no answer within " + seconds + " s" : error.message);

  // The old numbers stay, below the reason. The same reason is not announced twice.
  function showAway(fresh) {
    const note = fresh.querySelector(".slo-away");
    const before = live().querySelector(".slo-away");
    if (note && before && note.textContent === before.dataset.answer) return;
    if (live().dataset.store !== "up") return adopt(fresh);
    before?.remove();
    if (!note) return;
    const shown = document.importNode(note, true);
    shown.dataset.answer = note.textContent;
    // Here there are numbers: those of before.
    const since = page.dataset.fresh || "before";
    shown.querySelector("strong").textContent = "The store cannot be read: the numbers below are from " + since + ".";
    live().prepend(shown);
  }

  // The focused element may be replaced: its successor gets the focus.
  function focusKey(element) {
    if (!element || !live().contains(element)) return null;
    return { tag: element.tagName, href: element.getAttribute("href"), label: element.getAttribute("aria-label") };
  }

  function refocus(key) {
    if (!key) return;
    for (const element of live().querySelectorAll(key.tag)) {
      if (element.getAttribute("href") === key.href && element.getAttribute("aria-label") === key.label) {
        element.focus({ preventScroll: true });
        return;
      }
    }
  }

  function adopt(fresh) {
    const old = live();
    const key = focusKey(document.activeElement);
    const scrolls = [...old.querySelectorAll(".slo-scroll")].map((part) => part.scrollLeft);
    const folds = [...old.querySelectorAll("details")].map((part) => part.open);
    const charts = old.querySelector(".slo-charts");
    const next = document.importNode(fresh, true);
    const place = next.querySelector(".slo-charts");
    if (charts && place) {
      charts.dataset.json = place.dataset.json;
      place.replaceWith(charts);
    }
    old.replaceWith(next);
    next.querySelectorAll(".slo-scroll").forEach((part, index) => (part.scrollLeft = scrolls[index] || 0));
    next.querySelectorAll("details").forEach((part, index) => {
      if (index < folds.length) part.open = folds[index];
      else part.open = false;
    });
    localTimes(next);
    localNumbers(next);
    filter();
    refocus(key);
  }

  async function refresh() {
    // A tab in the background is read once a minute, for its title.
    if (paused || running || (document.hidden && Date.now() - asked < 60000)) return;
    asked = Date.now();
    running = true;
    try {
      const answer = await ask(location.href);
      if (!answer.ok) throw new Error("the service answered " + answer.status);
      const text = await answer.text();
      const answered = new DOMParser().parseFromString(text, "text/html");
      const fresh = answered.getElementById("slo-live");
      if (!fresh) throw new Error("the page has gone; are you still signed in?");
      if (fresh.dataset.store === "away") {
        showAway(fresh);
        stale("The store cannot be read.");
        return;
      }
      adopt(fresh);
      // The tab says what fires, also while another one is in front.
      document.title = answered.title;
      const [icon, newer] = [document, answered].map((one) => one.querySelector('link[rel="icon"]'));
      if (icon && newer) icon.href = newer.getAttribute("href");
      const wasStale = page.classList.contains("slo-stale");
      page.classList.remove("slo-stale");
      page.dataset.fresh = clock.format(new Date());
      show("Updated " + page.dataset.fresh, wasStale);
      await draw();
    } catch (error) {
      stale("Not refreshed: " + reason(error));
    } finally {
      running = false;
    }
  }

  // --- charts

  // As an element of the page gets it: the value of the property alone may hold a choice between light and dark.
  const sample = document.createElement("span");
  sample.hidden = true;
  page.append(sample);

  function colour(name) {
    sample.style.color = "var(" + name + ", #888)";
    return getComputedStyle(sample).color;
  }

  // Rounded down, as in the tables; binary fractions fall a little short: 0.57 * 1000 is 569.99...
  const floored = (value) => local((Math.floor(value * 10 + 1e-9) / 10).toFixed(1));
  const percent = (value) => (value === null || value === undefined ? "–" : floored(value * 100) + "%");
  const factor = (value) => (value === null || value === undefined ? "–" : floored(value) + "×");
  const limit = (value) => (value === null || value === undefined ? "–" : local(Number(value.toPrecision(6)) + "×"));
  // Small shares matter: 0.034%, not 0.0%.
  const share = (value) =>
    (value === null || value === undefined ? "–" : local(Number((value * 100).toPrecision(3)) + "%"));
  const whole = (value) => (value === null || value === undefined ? "–" : local(value.toLocaleString("en")));

  // A tick has as many decimals as the step between ticks: 99.975%, not 99.9%.
  function exact(value, step) {
    let digits = 0;
    while (digits < 6 && Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits += 1;
    return local(value.toFixed(digits));
  }

  const percentTick = (value, step) => exact(value * 100, step * 100) + "%";
  const factorTick = (value, step) => exact(value, step) + "×";

  function duration(seconds) {
    if (seconds % 86400 === 0) return seconds / 86400 + "d";
    if (seconds % 3600 === 0) return seconds / 3600 + "h";
    return seconds / 60 + "m";
  }

  const when = (value) => (value === null || value === undefined ? "–" : moment.format(value * 1000));
  const ends = { label: "until", value: (_, raw) => when(raw) };

  // The day at midnight and on long axes, otherwise the time.
  function tick(seconds, step) {
    const instant = new Date(seconds * 1000);
    const isDay = step >= 86400 || (instant.getHours() === 0 && instant.getMinutes() === 0);
    return (isDay ? day : minute).format(instant);
  }

  function axes(format) {
    const look = { stroke: colour("--slo-quiet"), grid: { stroke: colour("--slo-line"), width: 1 }, ticks: { show: false } };
    return [{ ...look, size: 32, values: (_, ticks, axis, space, step) => ticks.map((one) => tick(one, step)) },
      { ...look, size: 64, values: (_, ticks, axis, space, step) => ticks.map((one) => format(one, step)) }];
  }

  // An axis always holds both, whatever part of them was used: half an hour's dent is none of the whole budget.
  const holding = (lowest, highest) => (_, low, high) => {
    const from = Math.min(lowest, low ?? lowest), to = Math.max(highest, high ?? highest);
    const room = (to - from) * 0.05;
    return [from < lowest ? from - room : from, to > highest ? to + room : to];
  };

  function line(label, stroke, value, more) {
    return { label, stroke: colour(stroke), width: 2, points: { show: false }, value: (_, raw) => value(raw), ...more };
  }

  function chartsOf(view) {
    const past = view.history;
    // A bar is as wide as the least distance of two ends, and the last step ends now: there it ends when it will be over.
    const bars = uPlot.paths.bars({ size: [0.9, 40], align: -1 });
    const steps = past.end.map((end, index) => (index ? Math.max(end, past.end[index - 1] + past.step_seconds) : end));
    const allowed = 1 - view.slos[0].target;
    const total = past.good.map((good, index) => good + past.bad[index]);
    const hues = ["--slo-a", "--slo-b", "--slo-c", "--slo-d"];
    const burns = past.burn_rates.map((one, index) =>
      line("burn " + duration(one.window_seconds), hues[index % hues.length], factor));
    // A threshold for each factor, in the colour of its window.
    const rules = new Map();
    for (const alert of view.slos[0].alerts) {
      const index = past.burn_rates.findIndex((one) => one.window_seconds === alert.long_window_seconds);
      rules.set(alert.severity + " " + alert.threshold, { alert, hue: hues[Math.max(0, index) % hues.length] });
    }
    const limits = [...rules.values()].map(({ alert, hue }) =>
      line(alert.severity + " at " + limit(alert.threshold), hue, limit, { dash: [6, 4], width: 1 }));
    return {
      budget: {
        axes: axes(percentTick),
        scales: { y: { range: holding(0, 1) } },
        series: [ends, line("budget left", "--slo-a", percent, { fill: colour("--slo-fill") }),
          line("even spend", "--slo-quiet", percent, { dash: [6, 4], width: 1 })],
        data: [past.end, past.error_budget_remaining, past.even_spend],
      },
      events: {
        axes: axes(percentTick),
        // The number of events has no axis: it stands in the legend.
        scales: { y: { range: (_, low, high) => [0, Math.max(2 * allowed, high)] }, count: {} },
        series: [{ ...ends, value: (_, raw, series, index) => when(past.end[index]) }, line("bad", "--slo-bad", share, { paths: bars, fill: colour("--slo-bad"), width: 0 }),
          line("allowed", "--slo-quiet", share, { dash: [6, 4], width: 1 }),
          line("events", "--slo-good", whole, { scale: "count", paths: () => null, width: 0 })],
        data: [steps, past.bad.map((bad, index) => (total[index] ? bad / total[index] : null)),
          past.end.map(() => allowed), total],
      },
      burn: {
        axes: axes(factorTick),
        scales: { y: { range: holding(0, 1) } },
        series: [ends, ...burns, ...limits],
        data: [past.end, ...past.burn_rates.map((one) => one.burn_rate),
          ...[...rules.values()].map(({ alert }) => past.end.map(() => alert.threshold))],
      },
    };
  }

  // What changed, as lines across a chart; they move with it.
  function markLines(plot) {
    for (const old of plot.over.querySelectorAll(".slo-mark")) old.remove();
    const { min, max } = plot.scales.x;
    for (const mark of changes) {
      if (!(mark.at >= min && mark.at <= max)) continue;
      const place = document.createElement("span");
      place.className = "slo-mark slo-mark-" + mark.kind;
      place.title = (mark.kind === "note" ? "" : mark.kind + " ") + mark.text + ", " + when(mark.at);
      place.style.left = plot.valToPos(mark.at, "x") + "px";
      plot.over.append(place);
    }
  }

  // Put new numbers into the same charts, which keeps the zoom; false if the lines differ.
  function renew(charts, places) {
    const labels = (series) => series.map((one) => one.label).join("\n");
    const isSame = places.length === plots.length && places.every((place, index) =>
      place.contains(plots[index].root) && labels(plots[index].series) === labels(charts[place.dataset.chart].series));
    if (!isSame) return false;
    places.forEach((place, index) => {
      const plot = plots[index];
      const data = charts[place.dataset.chart].data;
      const { min, max } = plot.scales.x;
      const isZoomed = min > plot.data[0][0] || max < plot.data[0].at(-1);
      plot.batch(() => {
        plot.setData(data);
        if (isZoomed) plot.setScale("x", { min, max });
      });
      if (!(plot.cursor.left >= 0)) plot.setLegend({ idx: data[0].length - 1 });
    });
    return true;
  }

  async function draw(isRedraw) {
    const holder = live().querySelector(".slo-charts");
    if (!holder || typeof uPlot === "undefined") return;
    const answer = await ask(holder.dataset.json);
    if (!answer.ok) throw new Error("the charts' data answered " + answer.status);
    const view = await answer.json();
    changes = view.marks || [];
    const charts = chartsOf(view);
    holder.hidden = false;
    const places = [...holder.querySelectorAll("[data-chart]")];
    if (!isRedraw && renew(charts, places)) return;
    plots.forEach((plot) => plot.destroy());
    plots = [];
    for (const place of places) {
      const { data, ...options } = charts[place.dataset.chart];
      const width = Math.max(240, place.clientWidth);
      const plot = new uPlot({ width, height: 220, hooks: { draw: [markLines] }, ...options }, data, place);
      // Without a pointer on the chart the legend shows the last point.
      const latest = () => plot.setLegend({ idx: plot.data[0].length - 1 });
      plot.over.addEventListener("mouseleave", () => requestAnimationFrame(latest));
      requestAnimationFrame(latest);
      plots.push(plot);
      place.setAttribute("aria-hidden", "true"); // the table below has the same numbers
    }
  }

  // After a change of size or colours.
  const redraw = () => draw(true).catch((error) => stale("No charts: " + reason(error)));

  // --- start

  tools.hidden = false;
  for (const part of live().querySelectorAll("details")) part.open = false;
  localTimes(page);
  localNumbers(page);
  page.dataset.fresh = clock.format(new Date());
  show("Refreshes every " + seconds + " s.");
  if (live().dataset.store === "away") page.classList.add("slo-stale");
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    show(paused ? "Paused." : "", paused);
    refresh();
  });
  if (search) {
    search.addEventListener("input", filter);
    filter();
  }
  redraw();
  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", refresh);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // An admin's switch between light and dark.
  const marks = { attributes: true, attributeFilter: ["class", "data-theme", "data-bs-theme"] };
  new MutationObserver(redraw).observe(document.documentElement, marks);
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(redraw, 200);
  });
})();
