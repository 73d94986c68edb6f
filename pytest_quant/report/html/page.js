"use strict";
const table = document.getElementById("models");
const body = table.tBodies[0];
const heads = [...table.tHead.rows[0].cells];

function compare(one, other) {
  const [a, b] = [Number(one), Number(other)];
  return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a - b;
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows];
    rows.sort((one, other) => compare(one.cells[column].dataset.key, other.cells[column].dataset.key) * (down ? -1 : 1));
    body.append(...rows);
  });
});

const filter = document.getElementById("filter");
const onlyBad = document.getElementById("only-bad");

function show() {
  const wanted = filter.value.trim().toLowerCase();
  for (const row of body.rows) {
    const found = row.textContent.toLowerCase().includes(wanted);
    row.hidden = !found || (onlyBad.checked && row.classList.contains("good"));
  }
}

filter.addEventListener("input", show);
onlyBad.addEventListener("change", show);

document.addEventListener("click", (event) => {
  event.target.closest(".canvas, .panels")?.closest("figure").classList.toggle("large");
});

function setToggles() {
  document.querySelectorAll(".toggles input").forEach((toggle) => {
    toggle.checked = !document.body.classList.contains(`hide-${toggle.dataset.side}`);
  });
}

document.addEventListener("change", (event) => {
  const side = event.target.dataset.side;
  if (side) {
    document.body.classList.toggle(`hide-${side}`, !event.target.checked);
    setToggles();
  }
});

function unfold(details) {  // what stands in a script element was escaped like all of the page
  const late = details.querySelector(":scope > script.late");
  if (late) {
    late.outerHTML = late.textContent;
    setToggles();
  }
}

document.querySelectorAll("details.model").forEach((each) => each.addEventListener("toggle", () => unfold(each)));

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    unfold(target);
    target.open = true;
    target.scrollIntoView();
  }
}

addEventListener("hashchange", openTarget);
openTarget();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => {
  unfold(each);
  each.open = true;
}));
