"use strict";
(() => {
  const root = document.documentElement;
  const status = document.getElementById("status");
  let clearing = 0;

  function say(text) {
    status.textContent = text;
    clearTimeout(clearing);
    clearing = setTimeout(() => { status.textContent = ""; }, 2500);
  }

  /* Light or dark: the reader's system decides until the button does. */
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const showTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();

  /* A table as CSV: what is read, without small print and pictures; full values where they are stored. */
  function cellText(cell) {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("svg").forEach((part) => part.remove());
    copy.querySelectorAll("br, small").forEach((part) => part.before(" "));
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  function quoted(text) {
    const safe = /^[=+@\t]/.test(text) ? "'" + text : text; // no formula for a spreadsheet to run
    return /[",\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  }

  function csv(table) {
    return [...table.rows].map((row) =>
      [...row.cells].filter((cell) => !cell.classList.contains("pic")).map((cell) => quoted(cellText(cell))).join(",")
    ).join("\r\n") + "\r\n";
  }

  function save(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    say(name + " saved");
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); // where a page on disk may not use the clipboard
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say("Copied");
  }

  /* Figures: the drawing itself, with a white ground. */
  function svgText(id) {
    const svg = document.getElementById(id).querySelector(".paper svg").cloneNode(true);
    svg.querySelectorAll(".hit").forEach((part) => part.remove());
    const { width, height } = svg.viewBox.baseVal;
    const margin = 10; // points: another font than the one that was measured may be wider
    svg.setAttribute("viewBox", `0 0 ${width + margin} ${height}`);
    svg.setAttribute("width", `${width + margin}pt`);
    svg.setAttribute("height", `${height}pt`);
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(svg);
  }

  function png(id, name) {
    const scale = 3; // 288 dots an inch
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = image.naturalWidth * scale;
      canvas.height = image.naturalHeight * scale;
      const context = canvas.getContext("2d");
      context.fillStyle = "#ffffff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(name, blob), "image/png");
    };
    image.onerror = () => say("The picture could not be made");
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svgText(id));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { copy: table, csv: file, svg, png: picture, name, text } = button.dataset;
    if (table) copy(csv(document.getElementById(table)));
    if (file) save(file + ".csv", new Blob(["\ufeff" + csv(document.getElementById(file))], { type: "text/csv" }));
    if (svg) save(name + ".svg", new Blob([svgText(svg)], { type: "image/svg+xml" }));
    if (picture) png(picture, name + ".png");
    if (text) copy(document.getElementById(text).textContent);
  });

  /* A link into what is folded away opens it. */
  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    let folded = target.closest("details");
    if (!folded) return;
    for (; folded; folded = folded.parentElement.closest("details")) folded.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", unfold);
  unfold();

  /* The contents are folded where they would take the whole screen. */
  if (matchMedia("(max-width: 74.99rem)").matches) document.getElementById("contents").open = false;

  /* On paper everything is open. */
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
})();
