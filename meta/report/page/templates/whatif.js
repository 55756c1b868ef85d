/* The reader's own choice of trials. Nothing is computed here: numbers, reasons and standings are looked up. */
"use strict";
(() => {
  const NONE = 65535;
  const SVG = "http://www.w3.org/2000/svg";

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  function make(tag, text, parent, attributes = {}) {
    const found = ["svg", "g", "line", "rect", "path", "text"].includes(tag)
      ? document.createElementNS(SVG, tag) : document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => found.setAttribute(name, value));
    found.textContent = text;
    parent.append(found);
    return found;
  }

  function start(section) {
    const data = JSON.parse(section.querySelector(".whatif-data").textContent);
    const find = (selector) => section.querySelector(selector);
    const raw = bytes(data.values);
    const view = new DataView(raw.buffer);
    const reasons = bytes(data.reasons);
    const standings = bytes(data.standings);
    const rowOf = data.complete ? null : new Map(data.members.map((key, row) => [key, row]));
    const [model, prior, estimand] = [".model", ".prior", ".estimand"].map(find);
    const boxes = [];
    let wanted = ""; // the estimand asked for last: a model without it shows another, and gives way again

    const value = (choice, place, end, row) =>
      view.getUint16(2 * (((choice * data.estimands.length + place) * 3 + end) * data.rows + row), true);
    const written = (number, place) =>
      data.estimands[place] === "tau" ? (number / 100).toFixed(2) : (number / 10).toFixed(1);
    const without = () => data.trials.filter((trial, i) => !boxes[i].checked).map((trial) => trial.id);

    function row() {
      if (!boxes.some((box) => box.checked)) return -1;
      if (data.complete) return boxes.reduce((sum, box, i) => sum + (box.checked ? 2 ** i : 0), 0) - 1;
      return rowOf.get(boxes.map((box) => (box.checked ? "1" : "0")).join("")) ?? -1;
    }

    function chosen() {
      const own = data.choices.findIndex((one) => one.role === model.value && (one.prior || "") === prior.value);
      return own >= 0 ? own : data.choices.findIndex((one) => one.role === model.value);
    }

    function fill(select, options, kept) {
      select.replaceChildren();
      options.forEach(([key, text]) => make("option", text, select, { value: key }));
      if (options.some(([key]) => key === kept)) select.value = kept;
    }

    function fillChoices() {
      const priors = data.choices.filter((one) => one.role === model.value && one.prior);
      fill(prior, priors.map((one) => [one.prior, one.prior]), prior.value);
      find(".has-prior").hidden = !priors.length;
      const names = data.choices[chosen()].estimands;
      const given = data.estimands.map((key, i) => [key, names[i]]).filter(([key, name]) => name && key !== "tau");
      fill(estimand, given, wanted);
    }

    /* A single trial's own rate is all that may be called an answer. */
    function alone(trial) {
      return `observed ${data.rate}: ${trial.observed} % (${trial.shown}), exact interval of one trial`;
    }

    function ends(choice, place, at) {
      const [low, high] = [1, 2].map((end) => value(choice, place, end, at));
      if (low === NONE || high === NONE) return said(choice, place, at);
      return written(low, place) + " to " + written(high, place) + " %";
    }

    function said(choice, place, at) {
      const [middle, low, high] = [0, 1, 2].map((end) => value(choice, place, end, at));
      const reason = data.words[reasons[(choice * data.estimands.length + place) * data.rows + at]];
      const unit = data.estimands[place] === "tau" ? "" : " %";
      const ends = low !== NONE && high !== NONE ? written(low, place) + " to " + written(high, place) : "";
      if (middle === NONE && !ends) return "not given" + (reason ? ": " + reason : "");
      if (middle === NONE) return ends + unit;
      return written(middle, place) + unit + (ends ? " (" + ends + ")" : reason ? ", no interval: " + reason : "");
    }

    function draw(choice, place, at) {
      const svg = find(".try-forest");
      const width = Math.max(300, Math.min(640, svg.parentNode.clientWidth)), step = 40;
      const [left, most] = width < 500 ? [165, 22] : [270, 34]; // of the labels
      const single = data.trials.filter((trial, i) => boxes[i].checked).length === 1;
      const x = (tenths) => left + (width - left - 20) * Math.min(tenths, 1000) / 1000;
      svg.replaceChildren();
      svg.setAttribute("viewBox", `0 0 ${width} ${step * (data.trials.length + 2) + 30}`);
      const bar = (y, low, high, name) => make("line", "", svg, { x1: x(low), x2: x(high), y1: y, y2: y, class: name });
      data.trials.forEach((trial, i) => {
        const y = step * (i + 0.7), name = boxes[i].checked ? "in" : "out";
        const short = [...trial.label].length > most ? [...trial.label].slice(0, most - 1).join("") + "…" : trial.label;
        make("text", short, svg, { x: 0, y: y - 2, class: name });
        make("text", `${trial.responders}/${trial.n}`, svg, { x: 0, y: y + 14, class: "tick " + name });
        bar(y, 1000 * trial.low, 1000 * trial.high, name);
        make("rect", "", svg, { x: x(1000 * trial.responders / trial.n) - 4, y: y - 4, width: 8, height: 8, class: name });
      });
      const y = step * (data.trials.length + 0.7);
      make("text", "Pooled", svg, { x: 0, y: y + 5, class: "in" });
      make("text", "Prediction", svg, { x: 0, y: y + step + 5, class: "in" });
      if (at >= 0 && !single) {
        const [middle, low, high] = [0, 1, 2].map((end) => value(choice, place, end, at));
        const [least, greatest] = [1, 2].map((end) => value(choice, 2, end, at));
        if (low !== NONE && high !== NONE) {
          const centre = x(middle === NONE ? (low + high) / 2 : middle);
          make("path", "", svg, { d: `M${x(low)},${y}L${centre},${y - 8}L${x(high)},${y}L${centre},${y + 8}Z`, class: headline(choice, at) ? "pooled" : "pooled hollow" });
        }
        if (least !== NONE && greatest !== NONE) bar(y + step, least, greatest, "ahead");
      }
      const foot = step * (data.trials.length + 2) + 4;
      make("line", "", svg, { x1: x(0), x2: x(1000), y1: foot, y2: foot, class: "axis" });
      [0, 250, 500, 750, 1000].forEach((tick) =>
        make("text", tick / 10 + (tick === 1000 ? " %" : ""), svg, { x: x(tick), y: foot + 18, class: "tick", "text-anchor": "middle" }));
    }

    function headline(choice, at) {
      return data.called[standings[choice * data.rows + at]].headline;
    }

    function fragment() {
      const parts = ["whatif=" + encodeURIComponent(data.analysis)];
      if (without().length) parts.push("without=" + without().map(encodeURIComponent).join(","));
      parts.push("model=" + encodeURIComponent(model.value));
      if (prior.value) parts.push("prior=" + encodeURIComponent(prior.value));
      parts.push("estimand=" + encodeURIComponent(estimand.value));
      return "#" + parts.join(";");
    }

    function command() {
      const quoted = (text) => (/^[\w.:,/-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'");
      const parts = ["nen-meta subset", quoted(data.analysis), ...without().map((id) => "--without " + quoted(id))];
      parts.push("--model " + quoted(model.value));
      if (prior.value) parts.push("--prior " + quoted(prior.value));
      return parts.join(" ");
    }

    function show() {
      fillChoices();
      const choice = chosen(), at = row(), place = data.estimands.indexOf(estimand.value);
      const own = data.trials.filter((trial, i) => boxes[i].checked);
      const sum = (key) => own.reduce((total, trial) => total + trial[key], 0);
      const facts = find(".facts");
      const add = (name, text) => { make("dt", name, facts); make("dd", text, facts); };
      facts.replaceChildren();
      add("Trials", String(own.length));
      add("Responders/patients", sum("responders") + "/" + sum("n"));
      let text = own.length ? "This choice was not computed beforehand: the command below computes it." : "No trial is chosen.";
      if (at >= 0) {
        text = own.length === 1 ? alone(own[0]) : data.choices[choice].estimands[place] + ": " + said(choice, place, at);
        if (own.length > 1) {
          add("Tau", said(choice, 3, at));
          add("Prediction interval", ends(choice, 2, at));
        }
        add("Headline?", data.called[standings[choice * data.rows + at]].words);
        add("Intervals", Number((100 * data.choices[choice].level).toFixed(6)) + " %");
      }
      find(".answer-text").textContent = text;
      find(".command").textContent = own.length ? command() : "";
      [".again", ".copy-command"].forEach((part) => { find(part).hidden = !own.length; });
      draw(choice, place, at);
    }

    function change() {
      show();
      history.replaceState(null, "", fragment());
    }

    /* Unknown parts of a link are passed over. */
    function restore() {
      const parts = new Map(location.hash.slice(1).split(";").map((part) => part.split("=", 2)));
      const read = (name) => { try { return decodeURIComponent(parts.get(name) || ""); } catch { return ""; } };
      if (read("whatif") !== data.analysis) return false;
      const out = read("without").split(",");
      boxes.forEach((box, i) => { box.checked = !out.includes(data.trials[i].id); });
      const set = (select, name) => { if ([...select.options].some((one) => one.value === read(name))) select.value = read(name); };
      set(model, "model");
      wanted = read("estimand");
      fillChoices();
      set(prior, "prior");
      show();
      section.scrollIntoView();
      return true;
    }

    async function copy(text, button) {
      const before = button.dataset.name || (button.dataset.name = button.textContent);
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied: the address bar and the line below have it";
      }
      setTimeout(() => { button.textContent = before; }, 2500);
    }

    data.trials.forEach((trial) => {
      const label = make("label", "", find(".trials"));
      const box = make("input", "", label, { type: "checkbox", value: trial.id });
      box.checked = true;
      box.addEventListener("change", change);
      boxes.push(box);
      make("bdi", trial.label, label);
      make("small", ` ${trial.responders}/${trial.n}, ${trial.region}; ${trial.shown} %`, label);
    });
    const all = ["All", data.trials.map((trial) => trial.id)];
    [all, ...data.named].forEach(([name, ids]) => {
      make("button", name, find(".named"), { type: "button" }).addEventListener("click", () => {
        boxes.forEach((box, i) => { box.checked = ids.includes(data.trials[i].id); });
        change();
      });
    });
    const roles = [...new Set(data.choices.map((one) => one.role))];
    fill(model, roles.map((role) => [role, role + ", " + data.choices.find((one) => one.role === role).model]), "");
    estimand.addEventListener("change", () => { wanted = estimand.value; });
    [model, prior, estimand].forEach((select) => select.addEventListener("change", change));
    find(".copy-link").addEventListener("click", (event) =>
      copy(location.href.split("#")[0] + fragment(), event.currentTarget));
    find(".copy-command").addEventListener("click", (event) => copy(command(), event.currentTarget));
    data.skipped.forEach(([role, reason]) => make("p", `Not offered: ${role}: ${reason}`, find(".selects"), { class: "about" }));
    find(".try").hidden = false;
    if (!restore()) show();
    addEventListener("hashchange", restore);
  }

  document.querySelectorAll("section.whatif").forEach(start);
})();
