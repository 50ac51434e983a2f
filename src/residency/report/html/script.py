"""The page's one script: sorts and filters the findings. Everything can be read without it."""

SCRIPT = """
(() => {
  "use strict";
  const table = document.getElementById("findings-table");
  if (!table) return;
  const rows = [...table.tBodies];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const claims = rows.map((row) => row.querySelector("ol a").hash.slice(1));
  const form = document.getElementById("filter");
  const [text, outcome, claim, count] = ["text", "outcome", "claim", "count"]
    .map((name) => document.getElementById(`f-${name}`));

  const filter = () => {
    const words = text.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = (!outcome.value || row.rows[0].cells[0].textContent === outcome.value)
        && (!claim.value || claims[index] === claim.value)
        && words.every((word) => texts[index].includes(word));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
  };

  const key = (row, column) => {
    const cell = row.rows[0].cells[column];
    if ("v" in cell.dataset) return Number(cell.dataset.v);
    const said = cell.textContent;
    return column > 3 && !Number.isNaN(Number(said)) ? Number(said) : said.toLowerCase();
  };
  const sort = (heading, column) => {
    const falling = heading.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const keyed = rows.map((row, index) => [key(row, column), index, row]);
    keyed.sort(([a, i], [b, j]) => (a < b ? -1 : a > b ? 1 : 0) * (falling ? -1 : 1) || i - j);
    table.append(...keyed.map(([, , row]) => row));
  };
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading, column));
    heading.replaceChildren(button);
  });

  // A chain names its rules, and what it shares with others; unfolded, it says what they say.
  table.addEventListener("toggle", (event) => {
    event.target.querySelectorAll('a[href^="#R"]:not([data-told]), a[href^="#W"]:not([data-told])').forEach((link) => {
      const sentence = document.getElementById(link.hash.slice(1))?.querySelector("dd");
      link.after(sentence ? ` ${sentence.textContent}\n` : "");
      link.dataset.told = "yes";
    });
  }, true);

  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "TBODY") target.querySelector("details").open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  form.hidden = false;
  filter();
})();
"""
