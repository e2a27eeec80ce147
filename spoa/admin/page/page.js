"use strict";
// The page itself comes whole from the agent. Here it is asked for again each second, cell by cell taken over where it has
// changed, sorted and filtered; plots are drawn from v1/history; and a request is explained in place.
(() => {
  const $ = (id) => document.getElementById(id);
  const SECONDS = 300, MEAN = 5;
  const panels = () => innerWidth < 640 ? 4 : 12;
  const sorts = {}; // by table: [column, direction]

  // ---- taking over ----

  const number = (text) => text.startsWith("-") ? -1 : parseFloat(text);
  const isNumber = (text) => text === "-" || !isNaN(parseFloat(text));

  function compare(a, b) {
    if (isNumber(a) && isNumber(b)) return number(a) - number(b);
    return a.localeCompare(b, undefined, { numeric: true });
  }

  function ordered(table, rows) {
    const [column, direction] = sorts[table.id] || [];
    if (column === undefined) return rows;
    const text = (row) => row.cells[column] ? row.cells[column].textContent : "";
    return rows.sort((a, b) => direction * compare(text(a), text(b)));
  }

  function takeRow(to, from) {
    if (to.outerHTML === from.outerHTML) return;
    [...from.cells].forEach((cell, i) => {
      if (!to.cells[i]) to.append(cell.cloneNode(true));
      else if (to.cells[i].outerHTML !== cell.outerHTML) to.cells[i].replaceWith(cell.cloneNode(true));
    });
    while (to.cells.length > from.cells.length) to.deleteCell(-1);
  }

  function takeTable(id, page) {
    const table = $(id), body = table.tBodies[0];
    const rows = ordered(table, [...page.getElementById(id).tBodies[0].rows]);
    rows.forEach((row, i) => body.rows[i] ? takeRow(body.rows[i], row) : body.append(row.cloneNode(true)));
    while (body.rows.length > rows.length) body.deleteRow(-1);
  }

  function take(page) {
    for (const id of ["about", "tiles"])
      if ($(id).innerHTML !== page.getElementById(id).innerHTML) $(id).replaceChildren(...page.getElementById(id).childNodes);
    for (const id of ["t-servers", "t-rules", "t-decisions"]) takeTable(id, page);
    filter();
    listBackends();
  }

  // ---- sorting and filtering ----

  function sortable(table) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = document.createElement("button");
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const [before, direction] = sorts[table.id] || [];
        sorts[table.id] = [column, before === column ? -direction : cell.classList.contains("n") ? -1 : 1];
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", sorts[table.id][1] > 0 ? "ascending" : "descending");
        table.tBodies[0].replaceChildren(...ordered(table, [...table.tBodies[0].rows]));
      });
    });
  }

  function filter() {
    const wanted = $("filter").value.toLowerCase();
    for (const row of $("t-servers").tBodies[0].rows)
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  }

  const servers = () => [...$("t-servers").tBodies[0].rows].filter((row) => row.cells.length > 2);

  function listBackends() {
    const names = [...new Set(servers().map((row) => row.cells[0].textContent))];
    const select = $("of");
    if (names.join() === select.dataset.names) return;
    const chosen = select.value;
    select.dataset.names = names.join();
    select.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name)));
    select.value = names.includes(chosen) ? chosen : "";
    select.parentNode.hidden = names.length < 2;
  }

  // ---- plots ----

  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return element;
  };
  const percent = (value) => value === null ? "-" : (100 * value).toFixed(value < 0.1 ? 1 : 0) + " %";

  function shares(server, totals) {
    return server.redirects.map((n, i) => {
      let mine = 0, all = 0;
      for (let j = Math.max(0, i - MEAN + 1); j <= i; j++) {
        mine += server.redirects[j] || 0;
        all += totals[j];
      }
      return n === null || !all ? null : mine / all;
    });
  }

  // Pieces of a line, from where there is something to where there is nothing.
  function pieces(values, top) {
    const found = [];
    let piece = null;
    values.forEach((value, i) => {
      if (value === null) piece = null;
      else {
        if (!piece) found.push(piece = []);
        piece.push([SECONDS - values.length + i, 100 - 100 * Math.min(1, value / top)]);
      }
    });
    return found;
  }
  const line = (piece) => "M" + piece.map(([x, y]) => x + " " + y.toFixed(1)).join("L");

  function panel(server, share, load, top, what) {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const picture = svg("svg", { viewBox: "0 0 " + (SECONDS - 1) + " 100", preserveAspectRatio: "none", role: "img" });
    const say = (tag, name, text) => {
      const element = document.createElement(tag);
      element.className = name;
      element.textContent = text;
      caption.append(element);
    };
    const now = [percent(share.at(-1) ?? null), what(load.at(-1) ?? null)];
    say("b", "", server.backend + "/" + server.name);
    say("span", "s", now[0]);
    say("span", "l", now[1]);
    picture.setAttribute("aria-label", `${server.name}: share ${now[0]}, load ${now[1]}`);
    picture.append(svg("path", { class: "grid", d: "M0 50H300M60 0V100M120 0V100M180 0V100M240 0V100" }));
    for (const piece of pieces(share, top)) {
      picture.append(svg("path", { class: "area", d: line(piece) + `L${piece.at(-1)[0]} 100L${piece[0][0]} 100Z` }));
      picture.append(svg("path", { class: "share", d: line(piece) }));
    }
    for (const piece of pieces(load, server.loadTop)) picture.append(svg("path", { class: "load", d: line(piece) }));
    const scale = document.createElement("i");
    scale.textContent = 100 * top + " %";
    scale.title = "the share at the top; load goes up to 100 %";
    figure.append(caption, picture, scale);
    return figure;
  }

  function draw(history) {
    const totals = Object.fromEntries(history.backends.map((backend) => [backend.name, backend.redirects]));
    const all = history.servers.map((server) => shares(server, totals[server.backend]));
    const tops = {}; // of the shares of each backend
    history.servers.forEach(({ backend }, i) => { tops[backend] = Math.max(tops[backend] || 0, ...all[i]); });
    for (const name in tops) tops[name] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((step) => step >= tops[name]) || 1;
    const flights = Math.max(1, ...history.servers.flatMap((server) => server.in_flight));
    $("panels").replaceChildren(...history.servers.map((server, i) => {
      const load = server.load.some((value) => value !== null);
      const flight = server.in_flight.some((value) => value !== null);
      server.loadTop = load ? 1 : flights;
      return panel(server, all[i], load ? server.load : server.in_flight, tops[server.backend],
        load ? percent : (value) => value !== null ? value.toFixed(1) + " in flight" : flight ? "-" : "no report");
    }));
    $("which").textContent = "five minutes" +
      (history.servers.length < history.n_servers ? `; ${history.servers.length} of ${history.n_servers} servers` : "");
    $("plots").hidden = history.servers.length === 0;
  }

  // What is filtered for, else the busiest.
  function wantedServers() {
    const query = new URLSearchParams({ limit: panels() });
    if ($("filter").value) {
      const shown = servers().filter((row) => !row.hidden && (!$("of").value || row.cells[0].textContent === $("of").value));
      for (const row of shown.slice(0, panels())) query.append("server", row.cells[0].textContent + "/" + row.cells[1].textContent);
      if (shown.length) return query;
    }
    if ($("of").value) query.set("backend", $("of").value);
    return query;
  }

  // ---- asking ----

  let lost = null, busy = false;

  function tell(good) {
    if (good === (lost === null) && $("live").textContent) return;
    lost = good ? null : new Date();
    $("live").className = good ? "" : "lost";
    $("live").textContent = good ? "live" : "no answer since " + lost.toLocaleTimeString();
  }

  async function get(path) {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(path);
    return answer;
  }

  async function update() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const page = await (await get("./")).text();
      take(new DOMParser().parseFromString(page, "text/html"));
      draw(await (await get("v1/history?" + wantedServers())).json());
      tell(true);
    } catch (error) {
      tell(false);
    }
    busy = false;
  }

  async function explain(event) {
    event.preventDefault();
    const query = new URLSearchParams({ format: "text" });
    for (const [name, value] of new FormData($("ask"))) if (value) query.append(name, value);
    try {
      const answer = await fetch("v1/explain?" + query), text = await answer.text();
      $("explained").textContent = answer.ok ? text : JSON.parse(text).error;
    } catch (error) {
      $("explained").textContent = "no answer";
    }
  }

  document.documentElement.classList.add("on");
  for (const id of ["t-servers", "t-rules", "t-decisions"]) sortable($(id));
  $("filter").addEventListener("input", () => { filter(); update(); });
  $("of").addEventListener("change", update);
  $("ask").addEventListener("submit", explain);
  document.addEventListener("visibilitychange", update);
  listBackends();
  update();
  setInterval(update, 1000);
})();
